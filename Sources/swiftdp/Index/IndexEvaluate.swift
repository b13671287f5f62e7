// swiftdp index evaluate
import ArgumentParser
import Base
import Collectives
import Datasets
import Metrics
import Retrieval

extension IndexCommand {
  struct Measure: ParsableCommand, SharedByRanks {
    static let configuration = CommandConfiguration(
      commandName: "evaluate",
      abstract: "Measure what a search finds, or how right answers from passages are.",
      discussion: """
        Example: swiftdp index evaluate --index index --queries questions.jsonl -k 10 --mode hybrid
        Example: swiftdp index evaluate --answers answers.jsonl
        Rows of the queries say which documents are relevant: {"query": …, "relevant": ["id"]}, or {"id": grade}. The
        measures are those of trec_eval. Rows of answers are those of generate --index with what is right: {"completion":
        …, "answers": ["…"], "sources": [{"text": …}]}.
        """)

    @Option(help: "The folder of the index.", transform: Launch.path)
    var index: String?
    @Option(help: "A file with a question and its relevant documents in each row.", transform: Launch.path)
    var queries: String?
    @Option(help: "A file with answers.", transform: Launch.path)
    var answers: String?
    @Option(help: "The encoder; by default the folder that the index was built with.", transform: Launch.path)
    var model: String?
    @Option(help: "Threads of a rank; its cores by default.")
    var threads: Int?
    @OptionGroup var settings: SearchSettings
    @Flag(help: "One JSON object instead of words.")
    var json = false

    func validate() throws {
      try check(threads: threads)
      guard (answers == nil) == (queries != nil), (queries == nil) == (index == nil) else {
        throw ValidationError("Missing expected argument: --index and --queries, or --answers")
      }
    }

    func run() throws {
      try onRanks { ranks in
        let numbers =
          try answers.map { path in
            try ranks.together { ranks.isFirst ? try Self.numbers(ofAnswers: path) : [] }
          } ?? searched(ranks)
        guard ranks.isFirst else { return }
        if json {
          print(JSON.object(members: numbers).encoded())
        } else {
          print(
            numbers.map { name, value in
              if case .number(let number) = value { return "\(name) \(decimals(number))" }
              return "\(name) \(value.encoded())"
            }.joined(separator: "  "))
        }
      }
    }

    /// The measures of a search. Collective.
    private func searched(_ ranks: Ranks) throws -> [(String, JSON)] {
      let (rows, options) = try ranks.together { () throws -> ([QueryFile.Row], SearchOptions) in
        let problems = Problems()
        let options = problems.collect { try settings.options() }
        let rows = problems.collect { () throws -> [QueryFile.Row] in
          if let missing = UserError.noFile(queries ?? "", at: "--queries") { throw missing }
          return try QueryFile(queries ?? "") {
            Self.relevant($0) == nil ? "has no \"relevant\" documents" : nil
          }.rows
        }
        try problems.throwIfAny()
        guard let options, let rows else { preconditionFailure("an error was collected") }
        return (rows, options)
      }
      var deep = options
      // Several chunks may be of one document.
      deep.count = options.count * 4
      var open = OpenIndexOptions()
      (open.index, open.model, open.threads) = (index ?? "", model, threads)
      let found = try Searching(open, settings, deep, ranks).hits(for: rows.map(\.query))
      var measures = RetrievalMeasures()
      for (row, hits) in zip(rows, found) {
        var seen: Set<String> = []
        let documents = hits.filter { seen.insert($0.chunk.id).inserted }.prefix(options.count)
        measures.count(
          documents.map { ($0.chunk.id, $0.score) }, relevant: Self.relevant(row.json) ?? [:])
      }
      let cuts = [1, 3, 5, 10, 20, 50, 100].filter { $0 < options.count } + [options.count]
      return [("queries", .integer(rows.count))]
        + cuts.map { ("recall_\($0)", .number(measures.recall(at: $0))) }
        + [("recip_rank", .number(measures.reciprocalRank))]
        + [("ndcg_cut_\(options.count)", .number(measures.gain(at: options.count)))]
    }

    private static func relevant(_ row: JSON) -> [String: Int]? {
      guard let given = row["relevant"] else { return nil }
      if let id = given.text { return [id: 1] }
      func name(_ json: JSON) -> String? { json.text ?? json.integer.map(String.init) }
      if let list = given.elements {
        let ids = list.compactMap(name)
        return ids.count == list.count ? Dictionary(ids.map { ($0, 1) }) { first, _ in first } : nil
      }
      guard let members = given.members else { return name(given).map { [$0: 1] } }
      let grades = members.compactMap { member in
        member.value.integer.map { (String(decoding: member.key, as: UTF8.self), $0) }
      }
      return grades.count == members.count ? Dictionary(grades) { first, _ in first } : nil
    }

    /// Exact match and F1 as SQuAD's script counts them, and the share of answers that stand in their sources, word by
    /// word, among those that were given.
    private static func numbers(ofAnswers path: String) throws -> [(String, JSON)] {
      if let missing = UserError.noFile(path, at: "--answers") { throw missing }
      func right(_ row: JSON) -> [String]? {
        if let text = row["answers"]?.text ?? row["answer"]?.text { return [text] }
        return row["answers"]?.elements?.compactMap(\.text)
      }
      var (exact, f1, given, faithful, refused) = (0, 0.0, 0, 0, 0)
      let rows = try QueryFile(path, column: "prompt") { row in
        row["completion"]?.text == nil
          ? "has no \"completion\"" : right(row) == nil ? "has no \"answers\"" : nil
      }.rows
      for row in rows {
        let answer = row.json["completion"]?.text ?? ""
        let answers = right(row.json) ?? []
        if row.json["answered"]?.bool == false {
          // A question without an answer is answered rightly by none.
          refused += 1
          if answers.isEmpty { (exact, f1) = (exact + 1, f1 + 1) }
          continue
        }
        if AnswerMeasures.isExact(answer, answers) { exact += 1 }
        f1 += AnswerMeasures.f1(answer, answers)
        guard let sources = row.json["sources"]?.elements?.compactMap({ $0["text"]?.text }) else { continue }
        given += 1
        if AnswerMeasures.stands(answer, in: sources) { faithful += 1 }
      }
      let count = Double(rows.count)
      return [
        ("answers", .integer(rows.count)), ("exact_match", .number(Double(exact) / count)),
        ("f1", .number(f1 / count)),
        ("faithfulness", given > 0 ? .number(Double(faithful) / Double(given)) : .null),
        ("no_answer", .number(Double(refused) / count)),
      ]
    }
  }
}
