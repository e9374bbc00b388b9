import { Problem } from "@koi/client";
import { describe, expect, it } from "vitest";
import { ADDRESS_FIELDS } from "./address";
import { fieldOf, isOfTheForm } from "./refusal";

const problem = (status: number, code: string, field?: string) => new Problem({ status, code, ...(field === undefined ? {} : { body: { field } }) });

describe("a refusal", () => {
  it.each([
    ["address.phone", "phone"],
    ["address.postal_code", "postal_code"],
    // As serde names a member that is missing.
    ["street", "street"],
    ["address", undefined],
    ["address.planet", undefined],
    ["nickname", undefined],
    [undefined, undefined],
  ])("of %s is shown at %s", (field, want) => {
    expect(fieldOf(problem(422, "invalid_body", field), ADDRESS_FIELDS, "address")).toBe(want);
  });

  it.each([
    [404, "code_unknown", true],
    [409, "code_used", true],
    [422, "invalid_body", true],
    [429, "limit_reached", true],
    [401, "unauthorized", false],
    [409, "in_flight", false],
    [429, "too_many", false],
    [503, "unavailable", false],
    [0, "network", false],
  ])("%d %s belongs to the form: %s", (status, code, want) => {
    expect(isOfTheForm(problem(status, code))).toBe(want);
  });
});
