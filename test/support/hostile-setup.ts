// In a run on hostile databases: what a test asks by a client of its own, it asks under ordinary settings. Coffer gets no such help.
import { Client } from "pg";
import { isHostileRun } from "./hostile-database.ts";

const coffersOwn = "coffer";
const patched = Symbol.for("coffer.test.hostile");
/** The types of pg know neither the symbol nor what a client was told. */
interface Patchable {
  [patched]?: true;
  connect(this: Client): Promise<void>;
}
const prototype = Client.prototype as unknown as Patchable;

if (isHostileRun && !prototype[patched]) {
  prototype[patched] = true;
  const { connect } = prototype;
  prototype.connect = async function connectAsTest(this: Client) {
    await connect.call(this);
    const { connectionParameters } = this as unknown as { connectionParameters: { application_name?: string } };
    if (connectionParameters.application_name !== coffersOwn) await this.query(ordinaryText);
  };
}

const ordinaryText = Object.entries({
  statement_timeout: "0",
  lock_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
  datestyle: "ISO, MDY",
  intervalstyle: "postgres",
  timezone: "UTC",
  bytea_output: "hex",
  extra_float_digits: "1",
  standard_conforming_strings: "on",
  array_nulls: "on",
  transform_null_equals: "off",
  row_security: "on",
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  plan_cache_mode: "auto",
})
  .map(([name, value]) => `set ${name} = '${value}'`)
  .join("; ");
