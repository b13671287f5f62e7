// A metric of a task: how each row counts, and how the rows' numbers become one.
import Base

struct MetricDefinition: Sendable {
  var name: String
  var aggregation: any Aggregation
  var isHigherBetter: Bool
  /// Of exact_match.
  var matching: ExactMatching?

  /// `metric_list`, or what the output type has without one.
  static func list(
    _ keys: Section, _ type: any OutputType.Type, _ step: (any TaskStep)?
  ) -> [MetricDefinition] {
    guard keys.raw("metric_list") != nil else {
      return type.usualMetrics.map { name in
        let usual = KnownMetric.all[name]!
        return MetricDefinition(
          name: name, aggregation: usual.aggregation.init(), isHigherBetter: usual.isHigherBetter,
          matching: name == ExactMatching.name ? ExactMatching() : nil)
      }
    }
    return keys.sectionList("metric_list").compactMap { part in
      read(part, keys.problems, of: type, step)
    }
  }

  private static func read(
    _ part: Section, _ problems: Problems, of type: any OutputType.Type, _ step: (any TaskStep)?
  ) -> MetricDefinition? {
    if let python = part.raw("metric")?[TaskYAML.function]?.text {
      part.fail("metric", "names the Python function \(python.quoted), and swiftdp runs no Python")
      return nil
    }
    let name = part.text("metric")
    guard !name.isEmpty else { return nil }
    let own = step.map { Swift.type(of: $0).metrics } ?? []
    let known = own + type.metrics
    guard known.contains(name) else {
      part.fail(
        "metric", "is \(name.quoted), which output_type \(type.name) does not have",
        hint: nearest(to: name, among: known).map { "did you mean \($0)?" }
          ?? "there are \(known.joined(separator: ", "))")
      return nil
    }
    if part.bool("hf_evaluate", default: false) {
      part.fail("hf_evaluate", "loads a metric of Python's evaluate package, and swiftdp runs no Python")
    }
    let usual = KnownMetric.all[name]
    var aggregation: any Aggregation = (usual?.aggregation ?? Mean.self).init()
    if let given = part.raw("aggregation") {
      if let text = given.text, let found = Aggregations.all.first(where: { $0.name == text }) {
        aggregation = found.init()
      } else {
        let names = Aggregations.all.map { $0.name }
        part.fail(
          "aggregation",
          given.text.map { "is \($0.quoted)" }
            ?? "is \(given[TaskYAML.function] != nil ? "a Python function" : given.kind)",
          hint: "there are \(names.joined(separator: ", "))")
      }
    }
    return MetricDefinition(
      name: name, aggregation: aggregation,
      isHigherBetter: part.bool("higher_is_better", default: usual?.isHigherBetter ?? true),
      matching: name == ExactMatching.name ? ExactMatching(part) : nil)
  }
}

/// What a metric is where a task file does not say it.
struct KnownMetric {
  let aggregation: any Aggregation.Type
  let isHigherBetter: Bool

  static let all: [String: KnownMetric] = [
    "acc": KnownMetric(aggregation: Mean.self, isHigherBetter: true),
    "acc_norm": KnownMetric(aggregation: Mean.self, isHigherBetter: true),
    "acc_bytes": KnownMetric(aggregation: Mean.self, isHigherBetter: true),
    "acc_mutual_info": KnownMetric(aggregation: Mean.self, isHigherBetter: true),
    "exact_match": KnownMetric(aggregation: Mean.self, isHigherBetter: true),
    "brier_score": KnownMetric(aggregation: BrierScore.self, isHigherBetter: false),
    "f1": KnownMetric(aggregation: BinaryF1.self, isHigherBetter: true),
    "mcc": KnownMetric(aggregation: Matthews.self, isHigherBetter: true),
    "perplexity": KnownMetric(aggregation: Perplexity.self, isHigherBetter: false),
    "word_perplexity": KnownMetric(aggregation: WeightedPerplexity.self, isHigherBetter: false),
    "byte_perplexity": KnownMetric(aggregation: WeightedPerplexity.self, isHigherBetter: false),
    "bits_per_byte": KnownMetric(aggregation: BitsPerByte.self, isHigherBetter: false),
    "bleu": KnownMetric(aggregation: CorpusBLEU.self, isHigherBetter: true),
    "chrf": KnownMetric(aggregation: CorpusCHRF.self, isHigherBetter: true),
  ]
}
