// Reads CPU time and memory of process trees from /proc (Linux): the server side of every figure.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Ticks per second of the CPU times in /proc: USER_HZ, 100 on every Linux Node runs on. */
const TICKS_PER_SECOND = 100;
const O_DSYNC = 0o10000;

/** What one line of /proc/PID/stat says about a process. */
export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  /** CPU ticks of all its threads, user and system. */
  readonly ticks: number;
  /** CPU ticks that its children used which have ended. */
  readonly endedChildTicks: number;
}

/**
 * Reads one /proc/PID/stat line (proc(5)).
 *
 * @throws RangeError when the line is not of that form.
 */
export function parseStat(line: string): ProcessStat {
  // The name in brackets may itself hold blanks and brackets: the last one closes it.
  const close = line.lastIndexOf(")");
  const fields = line.slice(close + 2).split(" ");
  // Numbered from the state, which proc(5) calls field 3: 14-17 are utime, stime, cutime, cstime.
  const number = (field: number): number => Number(fields[field - 3]);
  const stat = {
    pid: Number.parseInt(line, 10),
    parentPid: number(4),
    ticks: number(14) + number(15),
    endedChildTicks: number(16) + number(17),
  };
  if (close < 0 || !Object.values(stat).every(Number.isSafeInteger)) {
    throw new RangeError(`not a /proc/PID/stat line: ${line}`);
  }
  return stat;
}

/** The `key` of a /proc/PID/status text in bytes (its lines read `VmRSS:  123 kB`); 0 if absent. */
export function statusBytes(text: string, key: string): number {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text);
  return found ? Number(found[1]) * 1024 : 0;
}

/** Whether a /proc/PID/fdinfo text belongs to a file opened with O_DSYNC (flags are octal). */
export function isOpenedSynced(fdinfo: string): boolean {
  const found = /^flags:\s+0?([0-7]+)$/m.exec(fdinfo);
  return found !== null && (Number.parseInt(found[1]!, 8) & O_DSYNC) !== 0;
}

/** The processes among `all` that are a root or descend from one, roots first. */
export function treeOf(all: readonly ProcessStat[], roots: readonly number[]): ProcessStat[] {
  const chosen = new Set(roots);
  for (let before = -1; before !== chosen.size;) {
    before = chosen.size;
    for (const { pid, parentPid } of all) if (chosen.has(parentPid)) chosen.add(pid);
  }
  return all.filter(({ pid }) => chosen.has(pid));
}

/** Process ids of the living processes of the trees under `roots`. */
export function livingTree(roots: readonly number[]): number[] {
  return treeOf(readProcesses(), roots).map(({ pid }) => pid);
}

/**
 * CPU seconds used so far by the trees under `roots`: all threads of the living processes, plus
 * what children that already ended have left with their parents. 10 ms resolution.
 */
export function cpuSeconds(roots: readonly number[]): number {
  const ticks = treeOf(readProcesses(), roots).map((stat) => stat.ticks + stat.endedChildTicks);
  return ticks.reduce((sum, count) => sum + count, 0) / TICKS_PER_SECOND;
}

/** CPU seconds of those children of this very process that have ended. 10 ms resolution. */
export function endedChildrenCpuSeconds(): number {
  return parseStat(readFileSync("/proc/self/stat", "utf8")).endedChildTicks / TICKS_PER_SECOND;
}

/** Resident bytes (VmRSS) of the trees under `roots`. */
export function residentBytes(roots: readonly number[]): number {
  return livingTree(roots)
    .map((pid) => statusBytes(readIfThere(`/proc/${pid}/status`) ?? "", "VmRSS"))
    .reduce((sum, bytes) => sum + bytes, 0);
}

/** Paths under `folder` that a process of the trees under `roots` holds open with O_DSYNC. */
export function filesOpenedSynced(roots: readonly number[], folder: string): string[] {
  const found: string[] = [];
  for (const pid of livingTree(roots)) {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const path = linkIfThere(`/proc/${pid}/fd/${fd}`);
      if (!path?.startsWith(`${folder}/`)) continue;
      if (isOpenedSynced(readIfThere(`/proc/${pid}/fdinfo/${fd}`) ?? "")) found.push(path);
    }
  }
  return found;
}

function readProcesses(): ProcessStat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const line = readIfThere(`/proc/${pid}/stat`);
      return line === null ? [] : [parseStat(line)];
    });
}

/** The text of a /proc file, or null when its process has ended since it was listed. */
function readIfThere(path: string): string | null {
  return ifThere(() => readFileSync(path, "utf8"));
}

function linkIfThere(path: string): string | null {
  return ifThere(() => readlinkSync(path));
}

function ifThere(read: () => string): string | null {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return null;
    throw error;
  }
}
