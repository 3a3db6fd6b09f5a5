// The package `kvorum` for programs: what is exported here is its public face, and nothing else is.
export { DbError, type ErrorFacts } from "./base/errors.ts";
export { release as version } from "./cli/release.ts";
