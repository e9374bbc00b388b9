import type { Problem } from "@koi/client";

/** Whether a problem is about what was typed: everything but who one is, and what may go well a moment later. */
export function isOfTheForm(problem: Pick<Problem, "status" | "isTransient">): boolean {
  return problem.status >= 400 && problem.status < 500 && problem.status !== 401 && !problem.isTransient;
}

/** The field of a form that a problem names, where the form has it: the server writes `address.phone` for the phone of `address`. */
export function fieldOf<Field extends string>(problem: Pick<Problem, "field">, fields: readonly Field[], inside = ""): Field | undefined {
  const named = problem.field;
  if (named === undefined) return undefined;
  const bare = inside && named.startsWith(`${inside}.`) ? named.slice(inside.length + 1) : named;
  return fields.find((field) => field === bare);
}
