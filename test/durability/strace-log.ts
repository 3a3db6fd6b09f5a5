// Reads what `strace -f -ttt -T -y` wrote: system calls with start, end, file and data.

/** One finished system call. */
export interface SystemCall {
  readonly name: string;
  /** Seconds since the Unix epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** What the descriptor in the first argument is: a path, or `socket:[1234]`; "" without one. */
  readonly file: string;
  /** Everything between the brackets. */
  readonly text: string;
  /** What it returned; NaN for an error. */
  readonly result: number;
}

const LINE = /^(\d+) +(\d+\.\d+) (.*)$/;
const CALL = /^(\w+)\((.*)\) += (-?\d+|\?)[^=]*?(?:<(\d+\.\d+)>)?$/s;
const FILE = /^\d+<([^>]*)>/;

/** All system calls that finished, in the order they did. Signals and exits are left out. */
export function parseStrace(log: string): SystemCall[] {
  const open = new Map<string, { startedAt: number; text: string }>();
  const calls: SystemCall[] = [];
  for (const line of log.split("\n")) {
    const [, thread, time, rest] = LINE.exec(line) ?? [];
    if (thread === undefined || time === undefined || rest === undefined) continue;
    const at = Number(time);
    if (rest.endsWith(" <unfinished ...>")) {
      open.set(thread, { startedAt: at, text: rest.slice(0, -" <unfinished ...>".length) });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/s.exec(rest)?.[1];
    const begun = open.get(thread);
    if (resumed === undefined || begun === undefined) {
      addCall(calls, rest, at);
    } else {
      open.delete(thread);
      addCall(calls, begun.text + resumed, begun.startedAt);
    }
  }
  return calls.sort((left, right) => left.endedAt - right.endedAt);
}

function addCall(calls: SystemCall[], line: string, startedAt: number): void {
  const [, name, text, result, seconds] = CALL.exec(line) ?? [];
  if (name === undefined || text === undefined) return;
  calls.push({
    name,
    startedAt,
    endedAt: startedAt + Number(seconds ?? 0),
    file: FILE.exec(text)?.[1] ?? "",
    text,
    result: Number(result),
  });
}
