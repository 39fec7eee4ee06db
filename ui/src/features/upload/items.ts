// Songs between somebody's folder and the queue: chosen, sent, priced, then handed over as jobs.
import type { Quote } from "../../api/orders";

export type ItemState =
  | { readonly at: "refused"; readonly why: string }
  | { readonly at: "chosen" }
  // Sent in part by an earlier visit; waits for the same file.
  | { readonly at: "broken"; readonly upload_id: string; readonly sent_bytes: number }
  | { readonly at: "sending"; readonly sent_bytes: number; readonly broken: boolean }
  | { readonly at: "fetching" }
  | { readonly at: "examining" }
  | { readonly at: "sent"; readonly upload_id: string }
  | { readonly at: "priced"; readonly upload_id: string; readonly quote: Quote }
  | { readonly at: "starting"; readonly upload_id: string }
  | {
      readonly at: "failed";
      readonly why: string;
      readonly code: string;
      // What is there already can be tried again from there.
      readonly upload_id: string | null;
    };

export interface Item {
  readonly key: string;
  readonly name: string;
  readonly file: File | null;
  readonly url: string | null;
  readonly size_bytes: number | null;
  readonly duration_s: number | null;
  readonly state: ItemState;
}

let counted = 0;
export const newKey = (): string => `item-${++counted}`;

export const isReady = (item: Item): boolean => item.state.at === "priced";

export const isBusy = (item: Item): boolean =>
  item.state.at === "sending" || item.state.at === "fetching" || item.state.at === "starting";
