/** `prizes[2].stock` as a form names its fields: `["prizes", 2, "stock"]`. */
export function namePath(field: string): (string | number)[] {
  return [...field.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name, index]) => (index === undefined ? String(name) : Number(index)));
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Members = Record<string, unknown>;

const isMembers = (value: unknown): value is Members => typeof value === "object" && value !== null && !Array.isArray(value);

/** Without members that say nothing: `undefined`, `null`, empty texts. Lists stay as they are, their members cleaned. */
export function compact<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => compact<unknown>(item)) as T;
  if (!isMembers(value)) return value;
  const kept = Object.entries(value).filter(([, member]) => member !== undefined && member !== null && member !== "");
  return Object.fromEntries(kept.map(([key, member]) => [key, compact(member)])) as T;
}

export function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  if (isMembers(a) && isMembers(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => isSame(a[key], b[key]));
  }
  return a === b;
}

/** The JSON merge patch (RFC 7396) that leads from one object to another. */
export function mergePatch(from: Members, to: Members): Members {
  const patch: Members = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [from[key], to[key]];
    if (isSame(before, after)) continue;
    if (after === undefined) patch[key] = null;
    else patch[key] = isMembers(before) && isMembers(after) ? mergePatch(before, after) : after;
  }
  return patch;
}

/** An object with a merge patch applied. */
export function applyPatch(to: Members, patch: Members): Members {
  const made: Members = { ...to };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete made[key];
    else made[key] = isMembers(value) ? applyPatch(isMembers(made[key]) ? made[key] : {}, value) : value;
  }
  return made;
}

export type { Json };
