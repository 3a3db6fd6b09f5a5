// INFO: which sections were asked for, and their text.
import type { Args } from "../../resp/args.ts";
import { word } from "../commands/family.ts";
import type { RespServer } from "../resp-server.ts";
import { clusterSections, dataSections } from "./data-sections.ts";
import type { InfoField, InfoSection } from "./section.ts";
import { cpuSections, serverSections } from "./server-sections.ts";

function commandFields(server: RespServer): InfoField[] {
  const fields: InfoField[] = [];
  for (const entry of server.commands.all) {
    if (entry.calls === 0 && entry.rejectedCalls === 0) continue;
    const usec = Math.round(entry.usec);
    const each = entry.calls > 0 ? (entry.usec / entry.calls).toFixed(2) : "0.00";
    fields.push([
      `cmdstat_${entry.name}`,
      `calls=${entry.calls},usec=${usec},usec_per_call=${each},` +
        `rejected_calls=${entry.rejectedCalls},failed_calls=${entry.failedCalls}`,
    ]);
  }
  return fields;
}

function errorFields(server: RespServer): InfoField[] {
  const counts = [...server.writer.errorsByCode];
  return counts.map(([code, count]): InfoField => [`errorstat_${code}`, `count=${count}`]);
}

/** All sections in the order in which they are shown. */
const sections: readonly InfoSection[] = [
  ...serverSections,
  ...dataSections,
  ...cpuSections,
  { name: "commandstats", title: "Commandstats", onRequest: true, fields: commandFields },
  { name: "errorstats", title: "Errorstats", fields: errorFields },
  ...clusterSections,
];

/** The sections that INFO's arguments ask for, each once, in their own order. */
function wantedSections(args: Args): InfoSection[] {
  const names = new Set<string>();
  for (let at = 1; at < args.count; at++) names.add(word(args, at).toLowerCase());
  if (names.has("all") || names.has("everything")) return [...sections];
  const byDefault = names.size === 0 || names.has("default");
  return sections.filter(
    (section) => names.has(section.name) || (byDefault && section.onRequest !== true),
  );
}

/** The text of INFO; sections that do not exist are left out, as in Redis. */
export function infoText(server: RespServer, args: Args): string {
  const texts = wantedSections(args).map((section) => {
    const lines = section.fields(server).map(([name, value]) => `${name}:${value}\r\n`);
    return `# ${section.title}\r\n${lines.join("")}`;
  });
  return texts.join("\r\n");
}
