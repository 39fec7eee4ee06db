// Reads the types of an operation out of the schema that is generated from docs/openapi.json.
import type { components, paths } from "./schema";

export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

export type Method = "get" | "post" | "put" | "patch" | "delete";
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: object } ? P : never;
}[keyof paths];

type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P]
  ? paths[P][M]
  : never;

type JsonOf<R> = R extends { content: { "application/json": infer Body } } ? Body : undefined;
type Fine = 200 | 201 | 202 | 204;

export type AnswerOf<P extends keyof paths, M extends Method> =
  Operation<P, M> extends {
    responses: infer R;
  }
    ? JsonOf<R[keyof R & Fine]>
    : never;

export type BodyOf<P extends keyof paths, M extends Method> =
  Operation<P, M> extends {
    requestBody?: infer R;
  }
    ? JsonOf<NonNullable<R>>
    : undefined;

type Parameters<P extends keyof paths, M extends Method> =
  Operation<P, M> extends {
    parameters: infer All;
  }
    ? All
    : never;

export type QueryOf<P extends keyof paths, M extends Method> =
  Parameters<P, M> extends {
    query?: infer Q;
  }
    ? NonNullable<Q>
    : never;
export type PlaceOf<P extends keyof paths, M extends Method> =
  Parameters<P, M> extends {
    path: infer Names;
  }
    ? Names
    : undefined;
