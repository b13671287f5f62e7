// What every mistake of a user must lead to.
import Testing

/// Expects a mistake to be reported in exactly these lines, by one rank, with this exit code, at any number of ranks,
/// and to leave every file as it was.
func expectMistake(
  _ arguments: [String], _ code: Int32, _ messages: [String], in folder: Workspace,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let before = folder.snapshot()
  for ranks in [nil, 3] {
    let result = try Command.swiftdp(arguments, ranks: ranks, in: folder)
    let comment: Comment = "\(arguments) at \(ranks ?? 1) ranks"
    #expect(result.code == code, comment, sourceLocation: sourceLocation)
    #expect(result.messages == messages, comment, sourceLocation: sourceLocation)
    if ranks == nil {
      #expect(result.errorLines.count == messages.count, "\(result.err)", sourceLocation: sourceLocation)
      #expect(result.out.isEmpty, comment, sourceLocation: sourceLocation)
    }
    let isUnchanged = folder.snapshot() == before
    #expect(isUnchanged, comment, sourceLocation: sourceLocation)
  }
}
