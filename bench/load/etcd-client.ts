// A plain etcd client over node:http2 for what is not timed: status, preloading, reading back.
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { once } from "node:events";
import {
  etcdPaths,
  keysRequest,
  type MemberStatus,
  memberStatus,
  putAllRequest,
  putRequest,
  rangedKeys,
  statusRequest,
} from "./etcd-messages.ts";
import { keyOf, valueOf } from "./keys.ts";

const CALL_TIMEOUT_MS = 10_000;
/** Puts in one transaction when loading: etcd's limit is 128 operations. */
const PUTS_PER_TXN = 100;
const TXNS_AT_ONCE = 16;
const KEYS_PER_PAGE = 10_000;

/** One session to one etcd member. */
export class EtcdClient {
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
    session.on("error", () => session.destroy()); // Each call in flight fails by itself.
  }

  /** Connects to a member on this machine. Throws when nobody listens there. */
  static async open(port: number): Promise<EtcdClient> {
    const session = connect(`http://127.0.0.1:${port}`);
    await once(session, "connect");
    return new EtcdClient(session);
  }

  /** What the member says about itself and its leader. */
  async status(): Promise<MemberStatus> {
    return memberStatus(await this.call(etcdPaths.status, statusRequest()));
  }

  /** Puts one pair; resolves when etcd has acknowledged it. */
  async put(key: string, value: string, timeoutMs: number = CALL_TIMEOUT_MS): Promise<void> {
    await this.call(etcdPaths.put, putRequest(key, value), timeoutMs);
  }

  /** Puts keys number 0 to `count` - 1, in transactions of many puts. */
  async preload(count: number, valueBytes: number): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const from = next;
        next = Math.min(count, from + PUTS_PER_TXN);
        const pairs = Array.from({ length: next - from }, (_, offset) => {
          return [keyOf(from + offset), valueOf(valueBytes, from + offset)] as const;
        });
        await this.call(etcdPaths.txn, putAllRequest(pairs));
      }
    };
    await Promise.all(Array.from({ length: TXNS_AT_ONCE }, worker));
  }

  /** All keys that begin with `prefix` (plain ASCII), read linearizably, page by page. */
  async keysWithPrefix(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
    for (let from = prefix; ; from = `${keys.at(-1)}\0`) {
      const page = await this.call(etcdPaths.range, keysRequest(from, end, KEYS_PER_PAGE));
      keys.push(...rangedKeys(page));
      if (keys.length % KEYS_PER_PAGE !== 0 || rangedKeys(page).length === 0) return keys;
    }
  }

  /** Ends the session and every call in flight. */
  close(): void {
    this.#session.destroy();
  }

  /** One unary gRPC call: the framed reply. Throws on any status but OK and after the timeout. */
  call(path: string, request: Buffer, timeoutMs: number = CALL_TIMEOUT_MS): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request(grpcHeaders(path));
      const parts: Buffer[] = [];
      let status = "no status";
      const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), timeoutMs);
      const onHeaders = (headers: IncomingHttpHeaders): void => {
        const given = headers["grpc-status"]?.toString();
        if (given !== undefined) status = given === "0" ? "" : `grpc-status ${given}`;
      };
      stream.on("response", onHeaders);
      stream.on("trailers", onHeaders);
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("error", reject);
      stream.on("close", () => {
        clearTimeout(timer);
        if (status === "") resolve(Buffer.concat(parts));
        else reject(new Error(`etcd ${path}: ${status}`));
      });
      stream.end(request);
    });
  }
}

/** The request headers of a unary gRPC call. */
export function grpcHeaders(path: string): Record<string, string> {
  return {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  };
}
