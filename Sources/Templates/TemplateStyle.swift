// How Jinja is set up: each program that renders templates does so in its own way.

package enum TemplateStyle: Sendable {
  /// Chat templates, as transformers 5 renders them: statements that stand alone in a line take it with them, and what
  /// is undefined is empty.
  case chat
  /// Templates of evaluation tasks, as lm-evaluation-harness renders them: all white space stays, what is undefined must
  /// not be looked at, and there is a filter `regex_replace`.
  case task

  var trims: Bool { self == .chat }
  var isStrict: Bool { self == .task }
  /// Filters beside those of Jinja.
  var filters: [String: Filter] { self == .task ? PatternFilters.all : [:] }
}
