// What schedulers answer, as it is seen, and anything else that might come instead.
import Base
import Foundation
import Schedulers
import Testing

/// A time of day without fractions.
private let now = Date(timeIntervalSince1970: 1_795_736_000)

/// An inquiry in which tools give these answers, by their first two words; they have no others.
private func inquiry(
  _ answers: [String: String] = [:], spooled: Date? = nil, session: Date? = nil
) -> Inquiry {
  Inquiry(
    now: now,
    ask: { words in
      answers[words.prefix(2).joined(separator: " ")].map { .success($0) } ?? .failure(Tool.NoAnswer("none"))
    },
    read: { path in path.hasSuffix("/config") ? spooled.map { ("queue=all.q\n", $0) } : nil },
    sessionStart: { session })
}

@Suite struct SlurmTests {
  @Test func readsEveryFormOfTheTimeLeft() {
    let cases: [(String, JobEnd)] = [
      ("1-02:03:04", .at(now + 93_784)), ("12:00:00", .at(now + 43_200)), ("5:00", .at(now + 300)),
      ("0:31\n", .at(now + 31)), ("365-00:00:00", .at(now + 31_536_000)), ("  10:00  \n", .at(now + 600)),
      ("UNLIMITED\n", .never),
      // A heterogeneous job has a line for each component, and ends with the first.
      ("10:00\n5:00\nUNLIMITED\n", .at(now + 300)), ("UNLIMITED\nUNLIMITED\n", .never),
    ]
    for (answer, end) in cases { #expect(Slurm.end(timeLeft: answer, inquiry()) == end, "\(answer)") }
    #expect(cases.count == 9)
  }

  @Test func anythingElseIsNotKnown() {
    let cases = [
      "", "\n", "NOT_SET", "INVALID", "Partition", "5", "-5:00", "5:-1", "1-2", "1-2:3", "1-1-1:00:00", "::",
      ":", "1:2:3:4:5", "nan:00", "inf:00", "1e3:00", "0x10:00", "5:00 5:00", "١٢:٠٠",
      "99999999999:00", "999999999-00:00:00", "5:00\nslurm_load_jobs error: Invalid job id specified",
      String(repeating: "9", count: 5000), "\u{1B}[31m5:00",
    ]
    for answer in cases {
      guard case .unknown(let reason) = Slurm.end(timeLeft: answer, inquiry()) else {
        Issue.record("\(answer.debugDescription) is taken for a time")
        continue
      }
      #expect(reason.hasPrefix("squeue: the answer has no time limit in it: \""))
      #expect(reason.utf8.count < 300 && !reason.contains("\u{1B}") && !reason.contains("\n"))
    }
    #expect(cases.count == 25)
  }

  @Test func asksForItsOwnJob() throws {
    func job(_ environment: [String: String]) throws -> String {
      try #require(Slurm(environment: environment)).job
    }
    #expect(try job(["SLURM_JOB_ID": "12"]) == "12")
    // The last task of an array has the number of the whole array.
    #expect(
      try job(["SLURM_JOB_ID": "12", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3"]) == "12_3")
    #expect(Slurm(environment: ["PBS_JOBID": "1"]) == nil)
    let told = try #require(Slurm(environment: ["SLURM_JOB_ID": "12", "SLURM_JOB_END_TIME": "1795736100"]))
    #expect(told.end(inquiry()) == .at(now + 100))
    let garbled = try #require(Slurm(environment: ["SLURM_JOB_ID": "12", "SLURM_JOB_END_TIME": "soon"]))
    #expect(garbled.end(inquiry(["squeue -h": "1:00"])) == .at(now + 60))
    #expect(garbled.end(inquiry()) == .unknown("none"))
  }
}

@Suite struct PBSTests {
  private func answer(_ lines: [String]) -> String {
    (["Job Id: 1234.server", "    Job_Name = run.pbs", "    job_state = R"] + lines.map { "    " + $0 } + [""])
      .joined(separator: "\n")
  }

  @Test func readsLimitAndStart() {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "EEE MMM d HH:mm:ss yyyy"
    let begun = formatter.string(from: now - 100)
    let cases: [([String], JobEnd)] = [
      (["Resource_List.walltime = 01:00:00"], .at(now + 3600)),
      (["Resource_List.walltime = 00:59:59.5"], .at(now + 3599.5)),
      (["Resource_List.walltime = 3600"], .at(now + 3600)),
      (["Resource_List.walltime = 2:00:00:00"], .at(now + 172_800)),
      (["resources_used.walltime = 00:10:00", "Resource_List.walltime = 01:00:00"], .at(now + 3000)),
      // The time used is old by then; the start is not.
      (
        [
          "resources_used.walltime = 00:10:00", "Resource_List.walltime = 01:00:00", "stime = \(begun)",
          "etime = Thu Jan  1 00:00:00 1970",
        ], .at(now + 3500)
      ),
      (["Resource_List.walltime = 01:00:00", "stime = soon"], .at(now + 3600)),
      // Torque.
      (
        [
          "Resource_List.walltime = 01:00:00", "start_time = \(begun)", "Walltime.Remaining = 3499",
        ], .at(now + 3499)
      ),
      (["Resource_List.walltime = 01:00:00", "start_time = \(begun)"], .at(now + 3500)),
      // Long values go on in the next line.
      (
        [
          "Variable_List = PBS_O_HOME=/home/ada,\n\tResource_List.walltime = 1:00", "Resource_List.ncpus = 4",
        ],
        .never
      ),
      (["Resource_List.wall\n\ttime = 01:00:00"], .at(now + 3600)),
      (["Resource_List.ncpus = 4"], .never),
    ]
    for (lines, end) in cases { #expect(PBS.end(attributes: answer(lines), inquiry()) == end, "\(lines)") }
    #expect(cases.count == 12)
  }

  @Test func anythingElseIsNotKnown() {
    let cases = [
      "", "qstat: Unknown Job Id 1234", "Resource_List.walltime = 01:00:00",
      answer(["Resource_List.walltime = soon"]), answer(["Resource_List.walltime = -1"]),
      answer(["Resource_List.walltime = "]), answer(["Resource_List.walltime = nan"]),
      answer(["Resource_List.walltime = inf"]),
    ]
    for answer in cases {
      guard case .unknown = PBS.end(attributes: answer, inquiry()) else {
        Issue.record("\(answer) is taken for a time")
        continue
      }
    }
    #expect(cases.count == 8)
  }

  @Test func torqueSetsTheLimitToo() throws {
    let job = try #require(PBS(environment: ["PBS_JOBID": "7.head", "PBS_WALLTIME": "3600"]))
    #expect(job.end(inquiry(session: now - 60)) == .at(now + 3540))
    #expect(job.end(inquiry()) == .unknown("none"))
    #expect(
      job.end(inquiry(["qstat -f": answer(["Walltime.Remaining = 90"])], session: now - 60)) == .at(now + 90))
    let other = try #require(PBS(environment: ["PBS_JOBID": "7.head"]))
    #expect(other.end(inquiry(session: now - 60)) == .unknown("none"))
  }
}

@Suite struct GridEngineTests {
  private static let asked = """
    ==============================================================
    job_number:                 7
    sge_o_home:                 /home/ada
    hard resource_list:         s_rt=3500,h_rt=3600,h_vmem=4G
    soft resource_list:         h_rt=60

    """
  private static let without = asked.split(separator: "\n").filter { !$0.hasPrefix("hard") }
    .joined(separator: "\n")
  private static func allowed(_ limits: String...) -> String {
    "queuename  qtype resv/used/tot.\n----\nall.q@a  BIP  0/2/2\n"
      + limits.map { "\tqf:\($0)\n" }.joined()
  }

  @Test func theSmallestLimitCounts() throws {
    let job = try #require(
      GridEngine(environment: [
        "JOB_ID": "7", "SGE_TASK_ID": "undefined", "QUEUE": "all.q", "SGE_JOB_SPOOL_DIR": "/spool/7.1",
      ]))
    let cases: [(String, String?, JobEnd)] = [
      (Self.asked, Self.allowed("s_rt=infinity", "h_rt=infinity"), .at(now - 100 + 3500)),
      (Self.asked, Self.allowed("s_rt=00:50:00", "h_rt=01:00:00"), .at(now - 100 + 3000)),
      (Self.asked, nil, .at(now - 100 + 3500)),
      (Self.without, Self.allowed("h_rt=00:10:00"), .at(now - 100 + 600)),
      (Self.without, Self.allowed("h_rt=00:10:00", "h_rt=00:05:00"), .at(now - 100 + 300)),
      (Self.without, Self.allowed("s_rt=infinity", "h_rt=infinity"), .never),
    ]
    for (asked, allowed, end) in cases {
      var answers = ["qstat -j": asked]
      answers["qstat -F"] = allowed
      #expect(job.end(inquiry(answers, spooled: now - 100, session: now - 900)) == end)
    }
    #expect(cases.count == 6)
    // Without a spool folder that can be read, the job is as old as its session.
    #expect(job.end(inquiry(["qstat -j": Self.asked], session: now - 50)) == .at(now + 3450))
  }

  @Test func anythingElseIsNotKnown() throws {
    let job = try #require(GridEngine(environment: ["JOB_ID": "7", "SGE_TASK_ID": "2", "QUEUE": "all.q"]))
    let cases: [[String: String]] = [
      [:], ["qstat -j": ""], ["qstat -j": "Following jobs do not exist: 7"], ["qstat -j": Self.asked],
      ["qstat -j": Self.without], ["qstat -j": Self.without, "qstat -F": "error: no such queue"],
    ]
    for answers in cases {
      guard case .unknown(let reason) = job.end(inquiry(answers)) else {
        Issue.record("\(answers) is taken for a time")
        continue
      }
      #expect(!reason.isEmpty && !reason.contains("\n"))
    }
    #expect(cases.count == 6)
    // JOB_ID alone is set by many programs.
    #expect(GridEngine(environment: ["JOB_ID": "7"]) == nil)
  }
}
