// What a session remembers between commands, apart from input and output.
import type { OperationBuffer } from "../commands/operation.ts";
import type { OpenTransaction } from "./transaction.ts";

/** State that commands read and set. */
export class SessionState {
  database = 0;
  authenticated = false;
  user = "default";
  name = "";
  libraryName = "";
  libraryVersion = "";
  /** Monotonic ms. */
  createdMs = 0;
  lastInteractionMs = 0;
  /** `CLIENT REPLY OFF`; set by `Session.setReplies`. */
  repliesOff = false;
  noEvict = false;
  noTouch = false;
  /** Between MULTI and EXEC. */
  transaction: OpenTransaction | null = null;
  /** The keys under WATCH, as EXEC wants them. */
  watched: OperationBuffer | null = null;
  /** This connection asked for the topology: it gets redirects (`--redirect auto`). */
  asksTopology = false;
  /** It came in by the port whose clients follow redirects (`--cluster-port`). */
  onClusterPort = false;
}
