// Placeholder until the planted bugs are merged.
export const plantedBugs = { none: false };
export type PlantedBug = keyof typeof plantedBugs;
