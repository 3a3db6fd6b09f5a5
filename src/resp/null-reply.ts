// A reply that nobody wants: what followers give to the commands they apply.
import type { Reply } from "./reply.ts";

/** Drops everything. */
export class NullReply implements Reply {
  readonly protocol = 2;
  ok(): void {}
  simple(_text: string): void {}
  error(_text: string): void {}
  integer(_value: number): void {}
  integerText(_digits: string): void {}
  bulk(_bytes: Uint8Array, _view: DataView, _offset: number, _length: number): void {}
  bulkText(_text: string): void {}
  nil(): void {}
  nilArray(): void {}
  array(_count: number): void {}
  map(_count: number): void {}
  set(_count: number): void {}
  double(_text: string): void {}
  boolean(_value: boolean): void {}
  verbatim(_format: string, _text: string): void {}
  push(_count: number): void {}
  raw(_bytes: Uint8Array): void {}
}
