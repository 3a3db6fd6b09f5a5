// `kvorum dev`: a cluster on this machine, started as a user would.
import { freePort } from "../../bench/servers/ports.ts";
import { kvorumPath } from "./kvorum-server.ts";
import type { Lab } from "./lab.ts";
import type { Ending, Program } from "./program.ts";
import { RespConnection } from "./resp-connection.ts";

const NODES = 3;
const PEER_PORT_DISTANCE = 10_000;
const HTTP_PORT_DISTANCE = 2_000;

/** Three nodes. */
export class DevCluster {
  readonly ports: readonly number[];
  readonly program: Program;

  private constructor(ports: readonly number[], program: Program) {
    this.ports = ports;
    this.program = program;
  }

  /** Starts them without syncing, and waits until all serve. */
  static async start(lab: Lab): Promise<DevCluster> {
    const places = Array.from({ length: NODES }, (_, place) => place);
    const distances = [0, HTTP_PORT_DISTANCE, PEER_PORT_DISTANCE];
    const first = await freePort(distances.flatMap((far) => places.map((place) => far + place)));
    const flags = ["--nodes", String(NODES), "--port", String(first), "--fsync", "no"];
    const data = ["--data", lab.freshFolder("dev")];
    const program = lab.start(process.execPath, [kvorumPath, "dev", ...flags, ...data]);
    await program.seen(/\bready\b/);
    return new DevCluster(
      places.map((place) => first + place),
      program,
    );
  }

  /** Ports of the nodes that do not lead. */
  async followers(): Promise<number[]> {
    const roles = await Promise.all(this.ports.map(roleOf));
    return this.ports.filter((_, place) => roles[place] === "slave");
  }

  /** Ends all nodes. */
  async stop(): Promise<Ending> {
    return this.program.terminate();
  }
}

async function roleOf(port: number): Promise<string> {
  const connection = await RespConnection.open(port);
  try {
    return (await connection.call("ROLE")).items[0]?.text ?? "";
  } finally {
    connection.close();
  }
}
