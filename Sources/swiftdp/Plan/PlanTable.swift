// The result of a plan, as words and as JSON.
import Base
import Graph
import Planning
import Recipes
import Sharding
import Tensors
import Training

struct PlanTable {
  let planner: Planner
  let recipe: Recipe
  /// The recipe and the settings as they were given.
  let arguments: [String]
  /// The file of the cluster, if there is one.
  let clusterFile: String?
  /// The rows for the recommended ranks and threads.
  let rows: [PlanRow]
  /// The row to choose; if none fits, the one that needs the least.
  let best: PlanRow
  let checkpoint: CheckpointEstimate
  /// nil where the recipe has no benchmarks, and an error where something is missing to count them.
  let evaluation: Result<EvaluationPlan?, any Error>
  let scaling: Scaling?

  private var hosts: PlannedHosts { planner.hosts }

  var text: String {
    let place = best.place
    let rates = ElementType.allCases.map { "\($0.rawValue) \(decimals(hosts.rates[$0]!.products / 1e9, 1))" }
    let link = hosts.rates[recipe.elementType]!
    var lines = [
      "model     \(recipe.name(of: recipe.model)) · \(planner.description.typeName) · "
        + "\(grouped(planner.layout.count)) parameters · \(recipe.optimizer.name.rawValue)",
      "hosts     "
        + hosts.kinds.map { "\($0.count) × \(counted($0.cores, "core")), \(gigabytes($0.memory)) each" }
        .joined(separator: "; "),
      "speed     \(rates.joined(separator: ", ")) GFLOP/s a core, copy \(decimals(link.copy / 1e9, 1)) GB/s, link "
        + "\(decimals(link.link * 8 / 1e9, 1)) Gbit/s",
      "step      \(recipe.stepSequences) sequences of \(recipe.data.sequenceLength) tokens, "
        + "\(recipe.microBatchSequences) a micro-batch",
      "arranged  \(counted(place.ranks, "rank")), "
        + best.arrangement.places.map { "\($0.ranksPerHost) a host × " + counted($0.threads, "thread") }
        .joined(separator: "; "),
      "",
    ]
    let names = ["zero", "dtype", "recompute"]
    lines.append("memory, MB: of a rank by part, all of it, and all ranks of a host")
    lines += aligned(
      [names + rows[0].memory.parts.map(\.heading) + ["rank", "host", "fits"]]
        + groups.map { $0.memoryCells }, textColumns: 3)
    lines += [
      "",
      "time, s, of a step: products, passes through memory, waiting between hosts; MB a host sends",
    ]
    lines += aligned(
      [names + ["products", "passes", "exchange", "step", "tokens/s", "sent"]]
        + groups.map { $0.timeCells }, textColumns: 3)
    if let scaling { lines += scaling.lines }
    lines += ["", "checkpoint  \(checkpointWords)"]
    if let evaluationWords { lines.append("evaluate    " + evaluationWords) }
    guard best.fits else { return lines.joined(separator: "\n") }
    lines += ["", "recommended: " + counted(place.ranks, "rank") + " × " + counted(place.threads, "thread")]
    lines += yaml.map { "  " + $0 } + ["  " + command]
    return lines.joined(separator: "\n")
  }

  /// Neighbouring rows that differ in their stage only.
  private var groups: [Group] {
    var groups: [Group] = []
    for type in ElementType.allCases {
      for recompute in Recompute.allCases {
        for row in rows where row.shape.type == type && row.shape.recompute == recompute {
          if let last = groups.last, last.isAlike(row) {
            groups[groups.count - 1].last = row.shape.stage
          } else {
            groups.append(Group(row: row, last: row.shape.stage))
          }
        }
      }
    }
    return groups
  }

  private struct Group {
    let row: PlanRow
    var last: ZeroStage

    func isAlike(_ other: PlanRow) -> Bool {
      func figures(_ row: PlanRow) -> [Double] {
        row.memory.parts.map { Double($0.bytes) } + [row.step.seconds, row.step.traffic]
      }
      return row.shape.type == other.shape.type && row.shape.recompute == other.shape.recompute
        && figures(row) == figures(other)
    }

    private var names: [String] {
      let first = row.shape.stage
      return [
        first == last ? "\(first.rawValue)" : "\(first.rawValue)-\(last.rawValue)", row.shape.type.rawValue,
        row.shape.recompute.rawValue,
      ]
    }

    var memoryCells: [String] {
      names + row.memory.parts.map { megabytes(Double($0.bytes)) }
        + [megabytes(Double(row.memory.bytes)), megabytes(row.hostBytes), row.fits ? "yes" : "no"]
    }

    var timeCells: [String] {
      let step = row.step
      return names + [step.products, step.passes, step.exchange, step.seconds].map { decimals($0, 3) }
        + [decimals(step.tokensPerSecond, 0), megabytes(step.traffic)]
    }
  }

  /// The recipe lines for this arrangement.
  private var yaml: [String] {
    [
      "model_dtype: \(best.shape.type.rawValue)", "training: {recompute: \(best.shape.recompute.rawValue)}",
      "parallel: {zero: \(best.shape.stage.rawValue), threads: \(best.place.threads)}",
    ]
  }

  private var command: String {
    let place = best.place
    let settings = [
      "model_dtype=\(best.shape.type.rawValue)", "training.recompute=\(best.shape.recompute.rawValue)",
      "parallel.zero=\(best.shape.stage.rawValue)", "parallel.threads=\(place.threads)",
    ]
    if let clusterFile {
      return typed(Self.script(hosts) + ["--cluster", clusterFile] + arguments + settings.dropLast())
    }
    return typed(
      ["mpirun", "-np", "\(place.ranks)", "--map-by", "ppr:\(place.ranksPerHost):node:PE=\(place.threads)"]
        + ["swiftdp", "train"] + arguments + settings)
  }

  /// The script that starts a run on the hosts of a cluster: a scheduler names those that its file does not.
  private static func script(_ hosts: PlannedHosts) -> [String] {
    if hosts.count == 1 { return ["launch/local"] }
    return hosts.kinds.allSatisfy { $0.names.isEmpty } ? ["sbatch", "launch/slurm.sbatch"] : ["launch/ssh"]
  }

  private var evaluationWords: String? {
    switch evaluation {
    case .success(let plan): plan?.words(step: best.step.seconds)
    case .failure(let error):
      "not counted: " + "\(error)".split(separator: "\n").joined(separator: "; ")
    }
  }

  private var checkpointWords: String {
    "\(gigabytes(checkpoint.bytes)) in \(decimals(checkpoint.seconds, 1)) s; one every "
      + "\(duration(checkpoint.interval)) loses the least (\(counted(intervalSteps, "step")))"
  }

  private var intervalSteps: Int { max(Int(min(checkpoint.interval / best.step.seconds, 1e12)), 1) }

  var json: JSON {
    let rates = hosts.rates[recipe.elementType]!
    return .object([
      "model": .string(recipe.name(of: recipe.model)), "parameters": .integer(planner.layout.count),
      "hosts": .integer(hosts.count), "cores_per_host": .integer(hosts.kinds[0].cores),
      "memory_per_host": .number(hosts.kinds[0].memory),
      "kinds": .array(
        zip(hosts.kinds, best.arrangement.places).map { kind, place in
          .object([
            "hosts": .integer(kind.count), "cores": .integer(kind.cores), "memory": .number(kind.memory),
            "ranks": .integer(place.ranksPerHost), "threads": .integer(place.threads),
          ])
        }),
      "gflops_per_core": .object(
        ElementType.allCases.map {
          JSON.Member(key: Array($0.rawValue.utf8), value: .number(hosts.rates[$0]!.products / 1e9))
        }),
      "copy_bytes_per_second": .number(rates.copy), "link_bits_per_second": .number(rates.link * 8),
      "latency_seconds": .number(rates.latency),
      "rows": .array(rows.map(json)), "recommended": best.fits ? json(best) : .null,
      "yaml": .array(best.fits ? yaml.map { .string($0) } : []),
      "command": best.fits ? .string(command) : .null,
      "checkpoint_bytes": .number(checkpoint.bytes), "checkpoint_seconds": .number(checkpoint.interval),
      "checkpoint_steps": .integer(intervalSteps), "scaling": scaling?.json ?? .null,
      "evaluation": (try? evaluation.get())?.json ?? .null,
    ])
  }

  private func json(_ row: PlanRow) -> JSON {
    .object([
      "ranks": .integer(row.place.ranks), "ranks_per_host": .integer(row.place.ranksPerHost),
      "threads": .integer(row.place.threads), "zero": .integer(row.shape.stage.rawValue),
      "model_dtype": .string(row.shape.type.rawValue), "recompute": .string(row.shape.recompute.rawValue),
      "parts": row.memory.json, "bytes_per_rank": .integer(row.memory.bytes),
      "bytes_per_host": .number(row.hostBytes), "fits": .bool(row.fits),
      "traffic_bytes_per_host": .number(row.step.traffic),
      "seconds": .object([
        "products": .number(row.step.products), "passes": .number(row.step.passes),
        "exchange": .number(row.step.exchange), "all": .number(row.step.seconds),
        "wire": .number(row.step.wire),
      ]),
      "tokens_per_second": .number(row.step.tokensPerSecond),
    ])
  }
}

extension MemoryEstimate.Part {
  /// The name of a part, short enough for a column.
  fileprivate var heading: String {
    switch name {
    case "gradients": "grads"
    case "exchange": "exch."
    case "activations": "activ."
    default: name
    }
  }
}

extension MemoryEstimate {
  /// Bytes by part.
  var json: JSON {
    .object(parts.map { JSON.Member(key: Array($0.name.utf8), value: .integer($0.bytes)) })
  }
}

/// Bytes in MB, for a table.
func megabytes(_ bytes: Double) -> String { grouped(Int((bytes / 1e6).rounded())) }
