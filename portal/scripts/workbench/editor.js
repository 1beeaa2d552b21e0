// The editor: SQL in colours, completion out of the mesh, and places that a diagnostic names.

import { autocompletion, closeCompletion, completeFromList, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { json } from "./parts.js";

// What one SELECT is made of: the dialect's own list has hundreds of words that no query of a mesh can hold.
const WORDS = completeFromList([
  ..."all and anti any as asc asof between by case cast cross cube desc distinct else end escape except exclude exists false filter first following from full group grouping having ilike in inner intersect interval is join last lateral left like limit natural not null nulls offset on or order outer over partition pivot positional preceding qualify range recursive replace right rollup row rows sample select semi sets similar some summarize table tablesample then true unbounded union unnest unpivot using values when where window with within".split(" ").map((label) => ({ label, type: "keyword" })),
  ..."abs approx_count_distinct arg_max arg_min array_agg avg ceil coalesce concat contains corr count date_diff date_part date_trunc day dense_rank epoch extract first_value floor greatest hour ifnull lag last_value lead least length list lower ltrim max median min minute mode month now ntile nullif quantile_cont quarter rank regexp_extract regexp_matches regexp_replace replace round row_number rtrim split_part sqrt starts_with stddev strftime strptime string_agg substring sum today trim try_cast upper var_samp week year".split(" ").map((label) => ({ label, type: "function" })),
]);

const look = EditorView.theme({
  "&": { backgroundColor: "var(--paper)", color: "var(--ink)", fontSize: "0.875rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", minHeight: "11rem", maxHeight: "26rem", overflow: "auto" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--paper)", color: "var(--soft)", border: "none" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--raised) 55%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--raised)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
  ".cm-placeholder": { color: "var(--soft)" },
  ".cm-wrong": { textDecoration: "underline wavy var(--bad)", backgroundColor: "var(--bad-soft)" },
  ".cm-tooltip": { backgroundColor: "var(--paper)", color: "var(--ink)", border: "1px solid var(--edge)", borderRadius: "0.375rem" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
  ".cm-completionDetail": { color: "var(--soft)", fontStyle: "normal", marginLeft: "1rem" },
});
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: "var(--accent)", fontWeight: "600" },
  { tag: tags.string, color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
]);

const setMarks = StateEffect.define();
const marks = StateField.define({
  create: () => Decoration.none,
  update(now, change) {
    for (const effect of change.effects) if (effect.is(setMarks)) return effect.value;
    return change.docChanged ? Decoration.none : now;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const ADDRESS = /\b[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\.(?:[a-z][a-z0-9_]*|"[^"\n]+")/g;

async function columns(context) {
  // those of the ports that the text names, wherever it names them
  const named = [...new Set(context.state.doc.toString().match(ADDRESS) ?? [])].slice(0, 12);
  const found = await Promise.all(named.map((name) => json(`/workbench/table?address=${encodeURIComponent(name.replaceAll('"', ""))}`).catch(() => null)));
  return found.filter(Boolean).flatMap((port) =>
    port.columns.filter((c) => c.shown !== "hidden" || !port.allowed).map((c) => ({
      label: c.name,
      apply: /^[a-z_][a-z0-9_]*$/.test(c.name) ? c.name : `"${c.name.replaceAll('"', '""')}"`,
      type: "property",
      detail: `${c.type.toLowerCase()}${c.shown === "masked" ? ", masked" : ""}`,
      info: c.description ?? undefined,
      boost: 2,
    })),
  );
}

async function fromMesh(context) {
  const word = context.matchBefore(/[\w.@"]*$/);
  if (!word || (word.text === "" && !context.explicit)) return null;
  const dot = word.text.lastIndexOf(".");
  const [names, own] = await Promise.all([
    json(`/workbench/names?begun=${encodeURIComponent(word.text.slice(0, dot + 1))}`).catch(() => []),
    word.text.split(".").length <= 2 ? columns(context) : [],
  ]);
  const alias = dot >= 0 && names.length === 0; // `f.` stands for a port of the text
  const from = alias ? word.from + dot + 1 : word.from;
  const addresses = names.map((one) => ({
    label: one.name,
    apply: one.kind === "port" ? one.name : `${one.name}.`,
    type: one.kind === "port" ? "class" : "namespace",
    detail: one.title,
    boost: dot >= 0 ? 3 : -1,
  }));
  const options = [...addresses, ...(dot >= 0 && !alias ? [] : own)];
  return options.length ? { from, options, validFor: /^[\w@"]*$/ } : null;
}

// Chromium writes a style attribute into the line when a selection is typed over, which the pages' policy forbids.
const typedOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    if (event.inputType !== "insertText" || !event.data || view.composing || view.state.selection.main.empty) return false;
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    event.preventDefault();
    return true;
  },
});

export function makeEditor(home, area, nonce, run) {
  const view = new EditorView({
    parent: home,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        EditorView.cspNonce.of(nonce),
        keymap.of([{ key: "Mod-Enter", run: () => (run(), true) }, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        bracketMatching(),
        EditorView.lineWrapping,
        sql({ dialect: PostgreSQL }),
        syntaxHighlighting(colours),
        autocompletion({ override: [fromMesh, WORDS], icons: false }),
        placeholder(area.placeholder),
        marks,
        typedOver,
        look,
        EditorView.contentAttributes.of({ "aria-label": "SQL: one SELECT over ports, named domain.product.port" }),
        EditorView.updateListener.of((change) => {
          if (change.docChanged) area.value = change.state.doc.toString();
        }),
      ],
    }),
  });
  area.hidden = true;
  home.hidden = false;

  const at = ({ line, column }) => {
    const found = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
    return Math.min(found.from + Math.max((column ?? 1) - 1, 0), found.to);
  };
  const wrong = Decoration.mark({ class: "cm-wrong" });
  return {
    text: () => view.state.doc.toString(),
    rest() {
      closeCompletion(view);
    },
    write(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    insert(text) {
      view.dispatch(view.state.replaceSelection(text));
      view.focus();
    },
    goto(where) {
      view.dispatch({ selection: { anchor: at(where) }, scrollIntoView: true });
      view.focus();
    },
    mark(places) {
      const ranges = places.map((where) => {
        const from = at(where);
        const word = view.state.wordAt(from);
        const [begin, end] = word ? [from, word.to] : [from, Math.min(from + 1, view.state.doc.length)];
        return begin < end ? wrong.range(begin, end) : wrong.range(Math.max(end - 1, 0), Math.max(end, 1));
      });
      const within = ranges.filter((one) => one.to <= view.state.doc.length);
      view.dispatch({ effects: setMarks.of(Decoration.set(within, true)) });
    },
  };
}
