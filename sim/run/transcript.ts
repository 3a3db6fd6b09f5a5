// What happened in a run, line by line, for people.

/** Facts beside a line. */
type Facts = Readonly<Record<string, unknown>>;

/** Hears all that is worth a line. */
export interface Transcript {
  /** Set by the run: time of the world in ms. */
  nowMs: () => number;
  /** Takes what happens in the world: packets, writes, faults; undefined: nobody reads it. */
  readonly note: ((text: string) => void) | undefined;
  /** A line of a server's own log. */
  line(machine: string, level: string, message: string, facts: Facts): void;
  /** What was done to the cluster, and what was found. */
  fault(text: string): void;
}

/** For runs of which nobody wants to read. */
export class NoTranscript implements Transcript {
  nowMs: () => number = () => 0;
  readonly note = undefined;
  line(): void {}
  fault(): void {}
}

/** Writes each line as it comes. */
export class PrintedTranscript implements Transcript {
  nowMs: () => number = () => 0;
  readonly note: (text: string) => void;
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
    this.note = print;
  }

  line(machine: string, level: string, message: string, facts: Facts): void {
    const details = Object.entries(facts).map(([name, value]) => `${name}=${String(value)}`);
    this.#write(machine, `${level === "info" ? "" : `${level}: `}${message} ${details.join(" ")}`);
  }

  fault(text: string): void {
    this.#write("--", text);
  }

  #write(who: string, text: string): void {
    this.#print(`${this.nowMs().toFixed(3).padStart(12)} ${who.padEnd(8)} ${text.trimEnd()}`);
  }
}
