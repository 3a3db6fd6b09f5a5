// The arguments of one command: ranges of bytes in a buffer, no object per argument.

/**
 * Arguments as ranges. One instance is reused for every command: nothing may keep it, or a view of
 * it.
 *
 * Argument 0 is the command's name; when a command is applied from the log its name's range is
 * empty.
 */
export class Args {
  bytes: Uint8Array;
  view: DataView;
  count = 0;
  offsets: Uint32Array;
  lengths: Uint32Array;

  constructor(capacity = 64) {
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
    this.offsets = new Uint32Array(capacity);
    this.lengths = new Uint32Array(capacity);
  }

  /** Makes room for `count` arguments, keeping those that are set. */
  reserve(count: number): void {
    if (count <= this.offsets.length) return;
    const capacity = Math.max(count, this.offsets.length * 2);
    const offsets = new Uint32Array(capacity);
    const lengths = new Uint32Array(capacity);
    offsets.set(this.offsets);
    lengths.set(this.lengths);
    this.offsets = offsets;
    this.lengths = lengths;
  }

  /** Points the arguments at other memory; ranges are set apart. */
  setMemory(bytes: Uint8Array, view: DataView): void {
    this.bytes = bytes;
    this.view = view;
  }

  /** The same arguments, in memory of their own. */
  copy(): Args {
    const { count, offsets, lengths } = this;
    let [from, end] = [Infinity, 0];
    for (let index = 0; index < count; index++) {
      from = Math.min(from, offsets[index]!);
      end = Math.max(end, offsets[index]! + lengths[index]!);
    }
    const copy = new Args(count);
    copy.count = count;
    // Not `slice`: of a Buffer that is a view.
    copy.bytes = new Uint8Array(this.bytes.subarray(from, end));
    copy.view = new DataView(copy.bytes.buffer, copy.bytes.byteOffset, copy.bytes.byteLength);
    copy.lengths.set(lengths.subarray(0, count));
    for (let index = 0; index < count; index++) copy.offsets[index] = offsets[index]! - from;
    return copy;
  }

  /** Bytes from the start of the first argument to the end of the last one. */
  get span(): number {
    const last = this.count - 1;
    return this.offsets[last]! + this.lengths[last]! - this.offsets[0]!;
  }

  offset(index: number): number {
    return this.offsets[index]!;
  }

  length(index: number): number {
    return this.lengths[index]!;
  }

  /** A look at an argument; good only while the command runs. */
  look(index: number): Uint8Array {
    const offset = this.offsets[index]!;
    return this.bytes.subarray(offset, offset + this.lengths[index]!);
  }

  /**
   * An argument as text, one character per byte (latin1): for names, options and numbers, not for
   * data.
   */
  text(index: number): string {
    const offset = this.offsets[index]!;
    const end = offset + this.lengths[index]!;
    let text = "";
    for (let at = offset; at < end; at++) text += String.fromCharCode(this.bytes[at]!);
    return text;
  }

  /**
   * Whether an argument is this word, letters compared without case. `upper` is upper-case ASCII.
   */
  is(index: number, upper: string): boolean {
    const length = upper.length;
    if (this.lengths[index] !== length) return false;
    const offset = this.offsets[index]!;
    for (let at = 0; at < length; at++) {
      let byte = this.bytes[offset + at]!;
      if (byte >= 0x61 && byte <= 0x7a) byte -= 32;
      if (byte !== upper.charCodeAt(at)) return false;
    }
    return true;
  }
}
