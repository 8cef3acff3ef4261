#include "zkdata_program/program.h"

#include <cstdio>

#include "command_line/completion.h"
#include "command_line/help.h"
#include "command_line/parse.h"
#include "data_users/data_users.h"
#include "disk/posix_disk.h"
#include "zkdata/check.h"
#include "zkdata/compare.h"
#include "zkdata/dump.h"
#include "zkdata/options.h"
#include "zkdata/repair.h"
#include "zkdata/summary.h"
#include "zkdata/version.h"

namespace zk::zkdata_program {
namespace {

using zkdata::Options;
using zkdata::Source;
using zkdata::Verb;

constexpr int kWhole = 0;
constexpr int kWrong = 1;
constexpr int kUsage = 2;
constexpr int kUnread = 3;

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int fail(const Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "zkdata: %s\n", error.message().c_str());
    return error.code == Errc::corrupt ? kWrong : kUnread;
}

int check(storage::Disk& disk, const Options& options) {
    bool wrong = false;
    for (const std::string& path : options.paths) {
        const auto source = zkdata::look_at(disk, path, options.log_dir, options.payload_max);
        if (!source.has_value()) return fail(source.error());
        zkdata::Findings findings;
        const auto checked = zkdata::check(disk, *source, findings);
        for (const zkdata::Finding& finding : findings.all())
            print(options.json ? zkdata::finding_json(finding) : zkdata::finding_text(finding));
        if (!checked.has_value()) return fail(checked.error());
        wrong |= findings.any_error();
        if (options.json) continue;
        print(path + (findings.any_error() ? ": damaged\n" : ": whole\n"));
    }
    return wrong ? kWrong : kWhole;
}

int compare(storage::Disk& disk, const Options& options) {
    const auto left = zkdata::look_at(disk, options.paths[0], {}, options.payload_max);
    if (!left.has_value()) return fail(left.error());
    const auto right = zkdata::look_at(disk, options.paths[1], {}, options.payload_max);
    if (!right.has_value()) return fail(right.error());
    const auto found = zkdata::compare(disk, *left, *right, options, print);
    if (!found.has_value()) return fail(found.error());
    return *found == 0 ? kWhole : kWrong;
}

/// Keeps servers out while the lock is held.
Result<disk::DirectoryLock> keep_out(const storage::Paths& paths) {
    ZK_TRY(disk::DirectoryLock lock, disk::DirectoryLock::acquire(paths));
    ZK_TRY(const std::vector<data_users::Use> users, data_users::find_users(paths));
    if (users.empty()) return lock;
    return Error(Errc::refused,
                 paths.log_dir + " is in use: process " + std::to_string(users.front().pid) + " " +
                     users.front().why + "; stop it first");
}

int repair(storage::Disk& disk, const Options& options) {
    const auto source =
        zkdata::look_at(disk, options.paths.front(), options.log_dir, options.payload_max);
    if (!source.has_value()) return fail(source.error());
    const auto lock = keep_out(zkdata::server_paths(*source));
    if (!lock.has_value()) return fail(lock.error());
    const auto plan = zkdata::plan_repair(disk, *source);
    if (!plan.has_value()) return fail(plan.error());
    if (!options.dry_run) {
        const auto done = zkdata::carry_out(disk, *plan);
        if (!done.has_value()) return fail(done.error());
    }
    print((options.dry_run ? "would repair: " : "") + plan->words() + "\n");
    return kWhole;
}

int look(storage::Disk& disk, const Options& options) {
    const auto source =
        zkdata::look_at(disk, options.paths.front(), options.log_dir, options.payload_max);
    if (!source.has_value()) return fail(source.error());
    const auto done = options.verb == Verb::dump ? zkdata::dump(disk, *source, options, print)
                                                 : zkdata::summary(disk, *source, options, print);
    return done.has_value() ? kWhole : fail(done.error());
}

int help(const Options& options) {
    const auto page = command_line::help(zkdata::program(), options.topic);
    if (!page.has_value()) {
        std::fprintf(stderr, "zkdata: %s\n", page.error().words.c_str());
        return kUsage;
    }
    print(*page);
    return kWhole;
}

int carry_out(const Options& options) {
    disk::PosixDisk disk;
    switch (options.verb) {
        case Verb::check:
            return check(disk, options);
        case Verb::compare:
            return compare(disk, options);
        case Verb::repair:
            return repair(disk, options);
        case Verb::dump:
        case Verb::summary:
            return look(disk, options);
        case Verb::completion:
            print(command_line::completion(zkdata::program(), options.shell));
            return kWhole;
        case Verb::version:
            std::printf("zkdata %s\n", zkdata::kVersion);
            return kWhole;
        case Verb::help:
            return help(options);
    }
    return kUsage;
}

}  // namespace

int run(const std::vector<std::string>& words) {
    const auto options = zkdata::parse_options(words);
    if (!options.has_value()) {
        std::fprintf(stderr,
                     "zkdata: %s\n%s",
                     options.error().words.c_str(),
                     command_line::usage(zkdata::program()).c_str());
        return kUsage;
    }
    const int code = carry_out(*options);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        std::fprintf(stderr, "zkdata: standard output cannot be written\n");
        return kUnread;
    }
    return code;
}

}  // namespace zk::zkdata_program
