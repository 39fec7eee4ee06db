// Jobs are ordered by one address that answers in two ways: with a price, or with the job.
import { ask } from "./client";
import type { Schema } from "./types";

export type Order = Schema<"JobRequest">;
export type Quote = Schema<"QuoteAnswer">;
export type Job = Schema<"JobAnswer">;

export async function quote(order: Order): Promise<Quote> {
  return (await ask("post", "/v1/jobs", { query: { dry_run: true }, body: order })) as Quote;
}

// `once` names the wish: sent again after a lost answer, it is still one job.
export async function place(order: Order, once: string): Promise<Job> {
  return (await ask("post", "/v1/jobs", { body: order, once })) as Job;
}
