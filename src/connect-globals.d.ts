// @connectrpc/connect's declarations name this type of the DOM library, which Node's own types do not declare globally.
type HeadersInit = NonNullable<ConstructorParameters<typeof Headers>[0]>;
