// Standard input as data, for all ranks.
import Collectives
import Datasets

extension Ranks {
  /// Reads standard input on the first rank and keeps it on all. Collective.
  func shareStandardInput() throws {
    let input = try readStandardInput()
    try together { try StandardInput.keep(input) }
  }
}
