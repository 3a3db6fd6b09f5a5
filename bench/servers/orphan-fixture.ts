// For servers.test.ts: starts a child that would live long, says which, and waits to be killed.
import { Children } from "./children.ts";

const children = new Children();
const { pid } = children.start("sleep", ["1000"]);
process.stdout.write(`${JSON.stringify({ pid, folder: children.folder })}\n`);
setInterval(() => {}, 1000);
