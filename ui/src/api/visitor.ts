// Who sends something: whoever is nobody yet becomes a guest with the first song, not before.
import { page, type VisitorKind } from "../ui/page";
import { Store } from "../ui/store";
import { ask } from "./client";

export const visitor = new Store<VisitorKind>(page.visitor);

let becoming: Promise<void> | null = null;

export function becomeSomebody(): Promise<void> {
  if (visitor.value !== "nobody") return Promise.resolve();
  becoming ??= ask("post", "/v1/session/guest")
    .then((session) => visitor.set(session.account.kind))
    .finally(() => {
      becoming = null;
    });
  return becoming;
}
