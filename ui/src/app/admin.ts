// What operators work with.
export {};
