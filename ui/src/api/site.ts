// What this site offers to whoever asks: outputs, formats, qualities, limits. Asked once a page.
import { page } from "../ui/page";
import { ask } from "./client";
import type { Schema } from "./types";

export type Limits = Schema<"LimitsAnswer">;
export type SiteFacts = Schema<"SiteAnswer">;

let known: Promise<SiteFacts> | null = null;

export function siteFacts(): Promise<SiteFacts> {
  known ??= ask("get", "/v1/site").catch((error: unknown) => {
    known = null;
    throw error;
  });
  return known;
}

// A title in the page's language, or in the first that there is.
export const titleOf = (titles: Readonly<Record<string, string>>): string =>
  titles[page.language] ?? Object.values(titles)[0] ?? "";
