import type { Schema } from "@koi/client";

/** The fields of an address, in the order of the form. */
export const ADDRESS_FIELDS = ["name", "phone", "region", "city", "street", "postal_code", "country", "note"] as const;
export type AddressField = (typeof ADDRESS_FIELDS)[number];

/** What is wrong with a field: a word, or the most characters that it may have; `server` where the server refused it. */
export type AddressError = "required" | "phone" | "country" | "server" | number;
export type AddressErrors = Partial<Record<AddressField, AddressError>>;

const REQUIRED: readonly AddressField[] = ["name", "phone", "city", "street"];
/** As the server bounds them. */
const LINE_CHARACTERS = 200;
const NOTE_CHARACTERS = 500;

/** Checks a form as the server does, so that most mistakes are told without asking it. */
export function checkAddress(form: FormData): { address?: Schema<"Address">; errors: AddressErrors } {
  const errors: AddressErrors = {};
  const values: Partial<Record<AddressField, string>> = {};
  for (const field of ADDRESS_FIELDS) {
    const given = form.get(field);
    const value = typeof given === "string" ? given.trim() : "";
    const error = wrong(field, value);
    if (error !== undefined) errors[field] = error;
    if (value) values[field] = field === "country" ? value.toUpperCase() : value;
  }
  return Object.keys(errors).length > 0 ? { errors } : { address: values as Schema<"Address">, errors };
}

function wrong(field: AddressField, value: string): AddressError | undefined {
  if (!value) return REQUIRED.includes(field) ? "required" : undefined;
  const most = field === "note" ? NOTE_CHARACTERS : LINE_CHARACTERS;
  if ([...value].length > most) return most;
  if (field === "phone" && !/^[+\d][\d ()\-.]{3,30}$/.test(value)) return "phone";
  if (field === "country" && !/^[a-z]{2}$/i.test(value)) return "country";
  return undefined;
}
