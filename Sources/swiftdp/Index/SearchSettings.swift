// How passages are searched: options of all commands that do.
import ArgumentParser
import Base
import Collectives
import Retrieval
import Training

struct SearchSettings: ParsableArguments {
  @Option(name: [.customShort("k"), .customLong("hits")], help: "How many hits of each query.")
  var count = 5
  @Option(help: "dense (cosine of vectors), lexical (words, BM25), or hybrid (both, by their places).")
  var mode = SearchMode.dense.rawValue
  @Option(
    help: "Search passages whose metadata have that value only: key=value. It may be given several times.")
  var filter: [String] = []
  @Option(
    help:
      "A model that reads query and passage together and orders the hits: of task=classification or regression.",
    transform: Launch.path)
  var reranker: String?
  @Option(help: "How many hits of each query the reranker reads; 50 by default.")
  var candidates: Int?
  @Flag(help: "Look through the nearest lists of a clustered index only.")
  var approximate = false
  @Option(
    help: "How many lists; by default as many as were measured to be enough when the index was clustered.")
  var probes: Int?

  func validate() throws {
    try check("-k", count, in: 1...10_000)
    try check("--candidates", candidates, in: 1...10_000)
    try check("--probes", probes, in: 1...1 << 20)
    guard SearchMode(rawValue: mode) != nil else {
      throw ValidationError(
        "The value '\(mode)' is invalid for '--mode <mode>'. Please provide one of "
          + SearchMode.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ") + ".")
    }
    guard probes == nil || approximate else { throw ValidationError("--probes is for --approximate") }
    guard candidates == nil || reranker != nil else {
      throw ValidationError("--candidates is for --reranker")
    }
    guard !approximate || mode != SearchMode.lexical.rawValue else {
      throw ValidationError("--approximate is for vectors, and --mode lexical has none")
    }
  }

  /// - Throws: what is wrong with the filters, at once.
  func options() throws -> SearchOptions {
    var options = SearchOptions()
    options.mode = SearchMode(rawValue: mode) ?? .dense
    options.count = count
    options.reach = approximate ? .lists(probes) : .all
    options.candidates = candidates ?? 50
    let problems = Problems()
    options.filters = filter.compactMap { text in problems.collect { try MetadataFilter(text) } }
    if let reranker { problems.collect { try CrossEncoder.check(reranker) } }
    try problems.throwIfAny()
    return options
  }

  /// Collective.
  func scorer(threads: Int, _ ranks: Ranks) throws -> CrossEncoder? {
    try reranker.map { try CrossEncoder($0, threads: threads, ranks: ranks) }
  }
}
