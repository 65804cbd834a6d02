// The schedule: what index.ts needs of it.
export { Schedule } from "./schedule";
export { loadSchedule } from "./settings";
