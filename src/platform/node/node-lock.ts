// A directory lock that the kernel frees when its holder ends, kill -9 included. Node has no flock.
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import type { DiskLock } from "../disk.ts";

const LOCK_NAME = "LOCK";

/**
 * Takes a directory for this process.
 *
 * On Linux an abstract socket, named after device and inode (so that two paths to one directory are
 * one lock), makes holders of one network namespace exclude each other without any race; the socket
 * file `LOCK` in the directory tells holders in other containers. Elsewhere the socket file is all.
 * A socket file that nobody answers on is left over from a killed process and replaced.
 *
 * @throws Error with code `EBUSY` when another holder lives.
 */
export async function lockDirectory(directory: string): Promise<DiskLock> {
  const stat = await fs.promises.stat(directory, { bigint: true });
  const servers: net.Server[] = [];
  try {
    if (process.platform === "linux") {
      servers.push(await holdName(`\0kvorum-lock-${stat.dev}-${stat.ino}`, directory));
    }
    const fileLock = await holdFile(directory);
    if (fileLock !== null) servers.push(fileLock);
  } catch (error) {
    await closeAll(servers);
    throw error;
  }
  return { release: () => closeAll(servers) };
}

async function holdName(name: string, directory: string): Promise<net.Server> {
  try {
    return await listenOn(name);
  } catch (error) {
    throw codeOf(error) === "EADDRINUSE" ? busy(directory) : error;
  }
}

/**
 * Null where the file system has no sockets (some shared and network mounts); the name holds there.
 */
async function holdFile(directory: string): Promise<net.Server | null> {
  // Socket paths end at 108 bytes; through the open directory any depth fits.
  const handle = process.platform === "linux" ? await fs.promises.open(directory, "r") : null;
  const socketPath =
    handle === null
      ? path.join(directory, LOCK_NAME)
      : path.join("/proc/self/fd", String(handle.fd), LOCK_NAME);
  try {
    return await listenOn(socketPath);
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") return noSockets(error);
    if (await answers(socketPath)) throw busy(directory);
    await fs.promises.unlink(path.join(directory, LOCK_NAME));
    return await listenOn(socketPath);
  } finally {
    await handle?.close();
  }
}

function noSockets(error: unknown): null {
  const code = codeOf(error);
  const unsupported = code === "EPERM" || code === "ENOTSUP" || code === "EOPNOTSUPP";
  if (process.platform === "linux" && (unsupported || code === "EINVAL" || code === "ENOENT")) {
    return null;
  }
  throw error;
}

function listenOn(socketPath: string): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen({ path: socketPath }, () => {
      server.off("error", reject);
      // A failed accept on the lock (no descriptors left) does not change who holds it.
      server.on("error", () => server.unref());
      server.unref();
      resolve(server);
    });
  });
}

/** Whether somebody listens on a socket file. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path: socketPath });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => {
      const code = codeOf(error);
      if (code === "ECONNREFUSED" || code === "ENOENT") resolve(false);
      // A full queue of connections means that somebody is there.
      else if (code === "EAGAIN") resolve(true);
      else reject(error);
    });
  });
}

async function closeAll(servers: net.Server[]): Promise<void> {
  for (const server of servers) {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

function busy(directory: string): Error {
  const error = new Error(`${directory} is in use by another process`);
  return Object.assign(error, { code: "EBUSY" });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
