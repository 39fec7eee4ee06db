// What somebody wants out of their songs, kept for the next visit.
import type { SiteFacts } from "../../api/site";
import { page } from "../../ui/page";
import { Store } from "../../ui/store";

export interface Choice {
  readonly output: string;
  readonly quality: string;
  readonly rights: boolean;
}

export const choice = new Store<Choice>({ output: "", quality: "", rights: false });

const place = `stemhouse-choice-${page.site}`;

function remembered(): Partial<Choice> {
  try {
    return JSON.parse(localStorage.getItem(place) ?? "{}") as Partial<Choice>;
  } catch {
    return {};
  }
}

// The rights are confirmed anew on each visit: that is what confirming means.
export function beginChoice(site: SiteFacts): void {
  const before = remembered();
  const outputs = site.outputs.map((output) => output.name);
  const output = outputs.find((name) => name === before.output) ?? outputs[0] ?? "";
  const quality =
    site.plan.qualities.find((name) => name === before.quality) ??
    site.plan.qualities[0] ??
    "standard";
  choice.set({ output, quality, rights: false });
}

export function choose(more: Partial<Choice>): void {
  choice.change((now) => ({ ...now, ...more }));
  const { output, quality } = choice.value;
  try {
    localStorage.setItem(place, JSON.stringify({ output, quality }));
  } catch {
    // A browser that keeps nothing: the choice holds for this visit.
  }
}
