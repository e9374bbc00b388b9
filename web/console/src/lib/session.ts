import type { Schema } from "@koi/client";
import { create } from "zustand";

export type Session = Schema<"Session">;
export type Permission = Schema<"Permission">;

/** What is asked of the operator before a request can go on. */
export type Asked = "sign_in" | "password";

interface State {
  /** `undefined` until the server was asked, `null` where nobody is signed in. */
  session: Session | null | undefined;
  /** The dialog that is open, over whatever was on the screen. */
  asked: Asked | undefined;
  waiting: ((given: boolean) => void)[];
  set: (session: Session | null) => void;
  /** Opens the dialog and tells whether the operator gave what it asked for. Requests that meet share one dialog. */
  ask: (what: Asked) => Promise<boolean>;
  answer: (given: boolean) => void;
}

/** Who is signed in, and the questions that requests of theirs wait for. */
export const useSession = create<State>((set, get) => ({
  session: undefined,
  asked: undefined,
  waiting: [],
  set: (session) => set({ session }),
  ask: (what) =>
    new Promise((resolve) => {
      // A lost session is the wider question: who signs in has given the password too.
      const asked = get().asked === "sign_in" ? "sign_in" : what;
      set({ asked, waiting: [...get().waiting, resolve] });
    }),
  answer: (given) => {
    const { waiting } = get();
    set({ asked: undefined, waiting: [] });
    for (const resolve of waiting) resolve(given);
  },
}));

/** Whether who is signed in may do something; the server decides, this only hides what it would refuse. */
export function useMay(): (permission: Permission) => boolean {
  const permissions = useSession((state) => state.session?.permissions);
  return (permission) => permissions?.includes(permission) ?? false;
}
