// pbf's writer with one repair: characters beyond U+1FFFF come out as other characters in pbf
// 5.1.2.
import { Buffer } from "node:buffer";
import { PbfWriter } from "pbf";

/** Writes protobuf fields into memory that is given, and grows it only if told too little. */
export class ProtoWriter extends PbfWriter {
  constructor(bytes: Uint8Array = new Uint8Array(64)) {
    super(bytes);
  }

  /** UTF-8 with its length; lone surrogates become U+FFFD. */
  override writeString(text: string): void {
    this.writeBytes(Buffer.from(text, "utf8"));
  }
}
