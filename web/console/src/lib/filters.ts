import { useSearchParams } from "react-router";

/** Filters that live in the address, so that a reload, a link and the way back keep them. */
export function useFilters<Name extends string>(names: readonly Name[]): [Partial<Record<Name, string>>, (name: Name, value: string | null | undefined) => void] {
  const [params, setParams] = useSearchParams();
  const values = Object.fromEntries(names.flatMap((name) => (params.get(name) ? [[name, params.get(name)]] : []))) as Partial<Record<Name, string>>;
  const set = (name: Name, value: string | null | undefined) =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        if (value) after.set(name, value);
        else after.delete(name);
        return after;
      },
      { replace: true },
    );
  return [values, set];
}
