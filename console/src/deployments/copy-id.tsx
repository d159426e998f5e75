import { Copy } from "../parts/copy";

/** RunComfy's id, to be pasted into code or RunComfy's dashboard. */
export function CopyId({ id }: { readonly id: string }) {
  return (
    <p className="deployment-id">
      <code>{id}</code> <Copy text={id} name={`the id ${id}`} />
    </p>
  );
}
