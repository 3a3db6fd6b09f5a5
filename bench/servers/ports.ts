// Finds free TCP ports, in runs where a server needs several with fixed distances.
import { once } from "node:events";
import { createServer } from "node:net";

// Kvorum's peer ports lie 10,000 above: all stay below the range Linux gives to outgoing sockets.
const PORT_MIN = 20_000;
const PORT_MAX = 22_700;
let nextPort = PORT_MIN + ((process.pid * 64) % (PORT_MAX - PORT_MIN));

/**
 * A port `p` such that `p + offset` is free on the loopback address for every offset.
 *
 * @param offsets Distances, 0 to 30,000; no port is handed out twice in a round trip of the range.
 */
export async function freePort(offsets: readonly number[] = [0]): Promise<number> {
  const span = Math.max(...offsets.filter((offset) => offset < 100)) + 1;
  for (let tries = 0; tries < PORT_MAX - PORT_MIN; tries += span) {
    const port = nextPort;
    nextPort += span;
    if (nextPort > PORT_MAX) nextPort = PORT_MIN;
    const free = await Promise.all(offsets.map((offset) => isFree(port + offset)));
    if (free.every(Boolean)) return port;
  }
  throw new Error("no free ports");
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}
