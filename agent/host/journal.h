// Write-ahead journal of an apply: what it will do, what it does, what it has done; so that a run
// after a crash knows what is still owed and repeats nothing. Shell. Each line is synced before the
// step it announces. Files, directories and links need no entry to go on: their state is on disk;
// restarts and reloads do, because nothing on disk shows that one is owed.
//
//   begin <spec hash> / plan <step>\t<target> ... / doing <index> <pid of what will restart> / done
//   <index> / end
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent_host/posix.h"
#include "base/result.h"

namespace zk::agent_host {

struct JournalStep {
    std::string step;
    std::string target;
    bool begun = false;
    bool done = false;
    std::int64_t pid = 0;  ///< of the process a restart was about to replace
    friend bool operator==(const JournalStep&, const JournalStep&) = default;
};

struct JournalState {
    bool interrupted = false;  ///< begun and not ended
    std::vector<JournalStep> steps;
};

/// Reads what the text says; a torn last line is ignored. Pure.
JournalState parse_journal(const std::string& text);
/// The state of the journal file; an absent one is not interrupted. One that cannot be read is an
/// error: a restart may be owed.
Result<JournalState> read_journal(const std::string& path);

/// Writes one apply's journal.
class Journal {
  public:
    /// Starts anew.
    static Result<Journal> begin(const std::string& path,
                                 const std::string& spec_hash,
                                 const std::vector<JournalStep>& steps);
    Result<> doing(std::size_t index, std::int64_t pid);
    Result<> done(std::size_t index);
    Result<> end();

  private:
    Journal(std::string path, Fd file) : path_(std::move(path)), file_(std::move(file)) {}
    Result<> append(const std::string& line);

    std::string path_;
    Fd file_;
};

}  // namespace zk::agent_host
