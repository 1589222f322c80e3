// What a look-up of a credential asks and tells the limit of guesses.

export interface GuessLimit {
  /** Before a credential that may be a guess costs anything. Throws RATE_LIMITED when its address has guessed too often. */
  beforeLookup(): Promise<void>;
  /** A credential that is not there, or whose secret is wrong. Throws RATE_LIMITED as above. */
  failed(): Promise<void>;
}
