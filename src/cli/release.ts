// The release of this package.
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");

/** As in package.json: `1.2.3`. */
export const release: string = (JSON.parse(text) as { version: string }).version;
