export declare class Chance {
  constructor(seed: number);
  next(): number;
  below(end: number): number;
  oneOf<Choice>(choices: readonly Choice[]): Choice;
  happens(percent: number): boolean;
}
