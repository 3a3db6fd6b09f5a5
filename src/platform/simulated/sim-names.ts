// The names of a simulated file system: changes show at once and last only after a directory sync.
import { invariant } from "../../base/invariant.ts";
import { SimInode } from "./sim-inode.ts";
import type { SimRandom } from "./sim-random.ts";

/** What a name stands for. */
export type SimNode = SimInode | "directory";

interface NameChange {
  readonly name: string;
  /** What the name stands for after the change; null when it is gone. */
  readonly node: SimNode | null;
}

class Directory {
  names = new Map<string, SimNode>();
  durable = new Map<string, SimNode>();
  /** Steps of change since the last sync; one step is atomic. */
  pending: NameChange[][] = [];
}

/**
 * All directories of one machine. Paths are absolute or relative, taken as they are, `/` between.
 */
export class SimNames {
  readonly #directories = new Map<string, Directory>([
    ["", new Directory()],
    ["/", new Directory()],
  ]);

  makeDirectory(path: string): void {
    const clean = cleanPath(path);
    if (this.#directories.has(clean)) return;
    const parent = parentOf(clean);
    if (parent !== clean) this.makeDirectory(parent);
    this.#directories.set(clean, new Directory());
    this.#change(parent, [{ name: nameOf(clean), node: "directory" }]);
    // A new directory that nobody synced is kept: losing whole trees adds nothing but noise to
    // tests.
    this.syncDirectory(parent);
  }

  find(path: string): SimInode {
    const node = this.#directory(parentOf(cleanPath(path)))?.names.get(nameOf(cleanPath(path)));
    if (node === undefined) throw systemError("ENOENT", path);
    if (node === "directory") throw systemError("EISDIR", path);
    return node;
  }

  has(path: string): boolean {
    const directory = this.#directory(parentOf(cleanPath(path)));
    return directory?.names.has(nameOf(cleanPath(path))) ?? false;
  }

  create(path: string): SimInode {
    const clean = cleanPath(path);
    if (this.#directory(parentOf(clean)) === undefined) throw systemError("ENOENT", path);
    const inode = new SimInode();
    this.#change(parentOf(clean), [{ name: nameOf(clean), node: inode }]);
    return inode;
  }

  list(path: string): string[] {
    return [...(this.#directory(cleanPath(path))?.names.keys() ?? [])].sort();
  }

  rename(from: string, to: string): void {
    const node = this.find(from);
    const [source, target] = [cleanPath(from), cleanPath(to)];
    if (this.#directory(parentOf(target)) === undefined) throw systemError("ENOENT", to);
    const removal: NameChange = { name: nameOf(source), node: null };
    const addition: NameChange = { name: nameOf(target), node };
    if (parentOf(source) === parentOf(target)) {
      this.#change(parentOf(source), [removal, addition]);
    } else {
      this.#change(parentOf(target), [addition]);
      this.#change(parentOf(source), [removal]);
    }
  }

  remove(path: string): void {
    this.find(path);
    this.#change(parentOf(cleanPath(path)), [{ name: nameOf(cleanPath(path)), node: null }]);
  }

  syncDirectory(path: string): void {
    const directory = this.#directory(cleanPath(path));
    if (directory === undefined) throw systemError("ENOENT", path);
    for (const step of directory.pending) applyStep(directory.durable, step);
    directory.pending = [];
  }

  /**
   * Power is gone: of the unsynced changes of each directory a first part, by the seed, has lasted.
   */
  crash(random: SimRandom): void {
    for (const directory of this.#directories.values()) {
      const kept = random.between(0, directory.pending.length);
      for (const step of directory.pending.slice(0, kept)) applyStep(directory.durable, step);
      directory.pending = [];
      directory.names = new Map(directory.durable);
    }
  }

  /** Paths of all files, sorted by code unit. */
  paths(): string[] {
    const paths: string[] = [];
    for (const [directory, { names }] of this.#directories) {
      const folder = directory === "" || directory === "/" ? directory : `${directory}/`;
      for (const [name, node] of names) if (node !== "directory") paths.push(folder + name);
    }
    return paths.sort();
  }

  /** Every file there is, each once. */
  inodes(): SimInode[] {
    const found = new Set<SimInode>();
    for (const directory of this.#directories.values()) {
      for (const node of [...directory.names.values(), ...directory.durable.values()]) {
        if (node !== "directory") found.add(node);
      }
    }
    return [...found];
  }

  #directory(path: string): Directory | undefined {
    return this.#directories.get(path);
  }

  #change(path: string, step: NameChange[]): void {
    const directory = this.#directory(path);
    invariant(directory !== undefined, "names change in directories that exist");
    applyStep(directory.names, step);
    directory.pending.push(step);
  }
}

/** An error as the system throws it. Without a stack, which nobody reads and is dear to make. */
export function systemError(code: string, path: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${path}`), { code });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}

function applyStep(names: Map<string, SimNode>, step: NameChange[]): void {
  for (const { name, node } of step) {
    if (node === null) names.delete(name);
    else names.set(name, node);
  }
}

function cleanPath(path: string): string {
  const cleaned = path.replace(/\/+/g, "/").replace(/^\.\//, "");
  return cleaned.length > 1 && cleaned.endsWith("/") ? cleaned.slice(0, -1) : cleaned;
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  if (slash === -1) return "";
  return slash === 0 ? "/" : path.slice(0, slash);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
