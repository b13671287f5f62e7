// Options of generate and chat: answers from the passages of an index.
import ArgumentParser
import Base
import Collectives
import Retrieval
import Training

struct GroundingOptions: ParsableArguments {
  @Option(help: "Answer from the passages of this index.", transform: Launch.path)
  var index: String?
  @Option(
    name: [.customShort("k"), .customLong("passages")],
    help: "How many passages stand before each question; 4 by default.")
  var passages: Int?
  @Option(help: "How passages are found: dense, lexical or hybrid; dense by default.")
  var mode: String?
  @Option(
    help:
      "A Jinja template that ends in .jinja, over passages (id, chunk, score, text, metadata) and question.",
    transform: Launch.path)
  var passageTemplate: String?
  @Option(help: "Say that there is no answer in the passages where the best score is below this.")
  var threshold: Double?
  @Option(help: "The encoder; by default the folder that the index was built with.", transform: Launch.path)
  var encoder: String?

  /// Finds what is wrong with the template and the index, before anything is loaded.
  /// - Throws: every mistake at once.
  func checkFiles() throws {
    guard let index else { return }
    let problems = Problems()
    _ = problems.collect { try PassagePrompt(passageTemplate) }
    _ = problems.collect { try IndexDatabase(index).completeFacts() }
    try problems.throwIfAny()
  }

  /// What stands in the place of an answer that the passages do not have.
  static let noAnswer = "No answer in the passages."

  func validate() throws {
    try check("-k", passages, in: 1...1000)
    if let mode, SearchMode(rawValue: mode) == nil {
      throw ValidationError(
        "The value '\(mode)' is invalid for '--mode <mode>'. Please provide one of "
          + SearchMode.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ") + ".")
    }
    if let threshold, !threshold.isFinite { throw ValidationError("--threshold must be a number") }
    let given =
      passages != nil || mode != nil || passageTemplate != nil || threshold != nil || encoder != nil
    guard index != nil || !given else {
      throw ValidationError("-k, --mode, --passage-template, --threshold and --encoder are for --index")
    }
  }
}

/// An index that questions are answered from.
struct Grounding {
  private let searching: Searching
  private let template: PassagePrompt
  private let threshold: Double?
  private let ranks: Ranks

  /// Collective.
  /// - Returns: nil without --index.
  init?(_ options: GroundingOptions, threads: Int?, _ ranks: Ranks) throws {
    guard let index = options.index else { return nil }
    self.ranks = ranks
    template = try ranks.together { try PassagePrompt(options.passageTemplate) }
    threshold = options.threshold
    var open = OpenIndexOptions()
    (open.index, open.model, open.threads) = (index, options.encoder, threads)
    var search = SearchOptions()
    search.count = options.passages ?? 4
    search.mode = options.mode.flatMap { SearchMode(rawValue: $0) } ?? .dense
    searching = try Searching(open, search, scorer: nil, ranks)
  }

  /// Finds passages for questions. Collective.
  /// - Parameters:
  ///   - questions: the same on all ranks.
  ///   - fits: whether a model has room for a prompt; asked on the first rank.
  /// - Returns: known to all ranks; sources on the first one only.
  func questions(
    _ questions: [[UInt8]], searchedAs queries: [[UInt8]]? = nil, fits: ([UInt8]) -> Bool
  ) throws -> [GroundedQuestion] {
    let found = try searching.hits(for: queries ?? questions)
    let grounded = try ranks.together {
      try zip(questions, found).map {
        try GroundedQuestion($0, $1, template, threshold: threshold, fits: fits)
      }
    }
    if ranks.isFirst {
      let short = zip(grounded, found).count { $0.sources.count < $1.count }
      if short > 0 {
        Command.tell(
          "note: \(counted(short, "question")) with fewer passages than were found: the model has no room for more"
        )
      }
    }
    return try grounded.shared(ranks)
  }
}

extension GroundedQuestion {
  /// A line for each source: its number in the prompt, document, place and score.
  var sourceLines: String {
    sources.enumerated().map { place, hit in
      "[\(place + 1)] \(hit.chunk.id.printable()) · chunk \(hit.chunk.chunk) · byte \(hit.chunk.start)"
        + " · score \(decimals(hit.score))\n"
    }.joined()
  }
}

extension TrainedModel {
  /// Whether the model can read a prompt and answer it with so many tokens, or with an eighth of all that it reads.
  func hasRoom(for prompt: [UInt8], _ answer: Int) -> Bool {
    let description = replica.description
    let longest = description.longestText
    let tokens = tokenizer.encode(prompt, addSpecialTokens: true).count
    return tokens + (description.answerStart == nil ? min(answer, max(1, longest / 8)) : 0) <= longest
  }
}
