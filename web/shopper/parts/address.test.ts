import { expect, it } from "vitest";
import { checkAddress } from "./address";

const GOOD = { name: "林小满", phone: "+86 138 0013 8000", city: "上海", street: "南京西路 1 号" };

it.each([
  ["a short one", {}, {}],
  ["a country in small letters", { country: "cn" }, {}],
  ["no name", { name: "  " }, { name: "required" }],
  ["no street and no city", { street: "", city: "" }, { street: "required", city: "required" }],
  ["a phone of words", { phone: "call me" }, { phone: "phone" }],
  ["a country by name", { country: "China" }, { country: "country" }],
  ["an endless street", { street: "x".repeat(201) }, { street: 200 }],
])("%s", (_, change, errors) => {
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...GOOD, ...change })) form.set(name, value);
  const checked = checkAddress(form);
  expect(checked.errors).toEqual(errors);
  expect(checked.address !== undefined).toBe(Object.keys(errors).length === 0);
});
