/** Koi's HTTP interface and live messages, for a browser or a shop's own front end. */
export { createKoi, must, type KoiClient, type KoiOptions } from "./http";
export { deviceStore, memoryStore, newIdempotencyKey, safeStorage, type Pending, type PendingStore } from "./idempotency";
export { connectLive, liveTicket, type Live, type LiveMessage, type LiveOptions, type LiveState } from "./live";
export { Problem, type Finding } from "./problem";
export type { components, operations, paths } from "./schema";

import type { components } from "./schema";
/** A named object of the interface: `Schema<"Campaign">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];
