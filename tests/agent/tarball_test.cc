#include "tarball/tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace zk::tarball {
namespace {

using ::testing::HasSubstr;

/// One entry as tar would write it.
struct Item {
    std::string path;
    std::string content{};
    mode_t type = AE_IFREG;
    mode_t mode = 0644;
    std::string target{};
    bool hard_link = false;
};

const std::string kTop = "apache-zookeeper-3.8.4-bin";

std::vector<Item> release() {
    return {{kTop + "/", "", AE_IFDIR, 0755},
            {kTop + "/bin/zkServer.sh", "#!/bin/sh\n", AE_IFREG, 0755},
            {kTop + "/conf/zoo_sample.cfg", "tickTime=2000\n"},
            {kTop + "/lib/zookeeper-3.8.4.jar", "jar"},
            {kTop + "/lib/zookeeper-jute-3.8.4.jar", "jute"}};
}

std::string tar(const std::vector<Item>& items, bool gzip = true) {
    archive* const writer = archive_write_new();
    if (gzip) archive_write_add_filter_gzip(writer);
    archive_write_set_format_pax_restricted(writer);
    std::string bytes(32U << 20, '\0');
    std::size_t used = 0;
    EXPECT_EQ(archive_write_open_memory(writer, bytes.data(), bytes.size(), &used), ARCHIVE_OK);
    for (const Item& item : items) {
        archive_entry* const entry = archive_entry_new();
        archive_entry_set_pathname(entry, item.path.c_str());
        archive_entry_set_filetype(entry, item.type);
        archive_entry_set_perm(entry, item.mode);
        archive_entry_set_size(entry, static_cast<la_int64_t>(item.content.size()));
        if (item.hard_link) {
            archive_entry_set_hardlink(entry, item.target.c_str());
        } else if (!item.target.empty()) {
            archive_entry_set_symlink(entry, item.target.c_str());
        }
        EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << item.path;
        EXPECT_EQ(archive_write_data(writer, item.content.data(), item.content.size()),
                  static_cast<la_ssize_t>(item.content.size()));
        archive_entry_free(entry);
    }
    archive_write_close(writer);
    archive_write_free(writer);
    bytes.resize(used);
    return bytes;
}

/// A release with one entry more.
std::string with(Item item) {
    auto items = release();
    items.push_back(std::move(item));
    return tar(items);
}

std::string refusal(const std::string& bytes, const Limits& limits = {}) {
    const auto contents = check(bytes, limits);
    return contents.has_value() ? "taken" : contents.error().message();
}

TEST(Tarball, OfAReleaseIsTaken) {
    const auto contents = check(tar(release()));
    ASSERT_TRUE(contents.has_value()) << contents.error().message();
    EXPECT_EQ(contents->top, kTop);
    EXPECT_EQ(contents->version, "3.8.4");
    EXPECT_EQ(contents->files, 4U);
    EXPECT_EQ(contents->unpacked_bytes, 10U + 14U + 3U + 4U);
    // As `tar -C dir .` writes it.
    auto dotted = release();
    dotted.insert(dotted.begin(), {"./", "", AE_IFDIR, 0755});
    for (Item& item : dotted) {
        if (item.path != "./") item.path = "./" + item.path;
    }
    EXPECT_EQ(refusal(tar(dotted)), "taken");
}

TEST(Tarball, NothingLeadsOutOfIt) {
    EXPECT_THAT(refusal(with({"/etc/passwd", "x"})), HasSubstr("\"/etc/passwd\" is absolute"));
    EXPECT_THAT(refusal(with({kTop + "/../../etc/passwd", "x"})), HasSubstr("leads out of it"));
    EXPECT_THAT(refusal(with({"..", "", AE_IFDIR})), HasSubstr("leads out of it"));
    EXPECT_THAT(refusal(with({kTop + "/conf/link", "", AE_IFLNK, 0777, "/etc"})),
                HasSubstr("is a link to \"/etc\""));
    EXPECT_THAT(refusal(with({kTop + "/conf/link", "", AE_IFLNK, 0777, "zoo_sample.cfg"})),
                HasSubstr("is a link"));
    EXPECT_THAT(refusal(with({kTop + "/conf/hard", "", AE_IFREG, 0644, "/etc/passwd", true})),
                HasSubstr("is a link to \"/etc/passwd\""));
    EXPECT_THAT(refusal(with({kTop + "/conf/a\nb", "x"})), HasSubstr("control character"));
}

TEST(Tarball, HoldsNoDevices) {
    for (const mode_t type : {AE_IFCHR, AE_IFBLK, AE_IFIFO}) {
        EXPECT_THAT(refusal(with({kTop + "/conf/null", "", type})),
                    HasSubstr("is a device, a pipe or a socket"));
    }
}

TEST(Tarball, HasOneDirectoryOnTop) {
    EXPECT_THAT(refusal(with({"other/file", "x"})), HasSubstr("and \"other\" on top"));
    EXPECT_THAT(refusal(tar({{"file", "x"}})), HasSubstr("has the file \"file\" on top"));
}

TEST(Tarball, HasWhatARunningServerNeeds) {
    for (const auto& [left_out, words] :
         std::vector<std::pair<std::string, std::string>>{{"/bin/", "has no \"" + kTop + "/bin\""},
                                                          {"/conf/", "/conf\""},
                                                          {"/lib/zookeeper-3", "has no lib/"},
                                                          {"/lib/", "/lib\""}}) {
        auto items = release();
        std::erase_if(
            items, [&](const Item& item) { return item.path.find(left_out) != std::string::npos; });
        EXPECT_THAT(refusal(tar(items)), HasSubstr(words)) << left_out;
    }
    EXPECT_THAT(refusal(with({kTop + "/lib/zookeeper-3.9.2.jar", "x"})),
                HasSubstr("more than one"));
}

TEST(Tarball, IsNotTwoFilesInOnePlace) {
    EXPECT_THAT(refusal(with({kTop + "/conf/zoo_sample.cfg", "x"})), HasSubstr("twice"));
    EXPECT_THAT(refusal(with({kTop + "/conf/zoo_sample.cfg/x", "x"})), HasSubstr("a file"));
    EXPECT_THAT(refusal(with({kTop + "/conf", "x"})), HasSubstr("twice"));
}

TEST(Tarball, IsNoBomb) {
    Limits limits;
    limits.entries = 4;
    EXPECT_THAT(refusal(tar(release()), limits), HasSubstr("more than 4 entries"));
    limits = {};
    limits.unpacked_bytes = 1U << 20;
    EXPECT_THAT(refusal(with({kTop + "/lib/big", std::string(2U << 20, 'x')}), limits),
                HasSubstr("larger than 1 MiB"));
    limits = {};
    EXPECT_THAT(refusal(with({kTop + "/lib/zeros", std::string(20U << 20, '\0')}), limits),
                HasSubstr("100 times as large"));
    limits.packed_bytes = 1;
    EXPECT_THAT(refusal(tar(release()), limits), HasSubstr("it is larger than"));
}

TEST(Tarball, IsGzipAndWhole) {
    const std::string whole = tar(release());
    EXPECT_THAT(refusal(tar(release(), false)), HasSubstr("not compressed by gzip"));
    EXPECT_NE(refusal(""), "taken");
    EXPECT_NE(refusal("<html>404</html>"), "taken");
    EXPECT_NE(refusal(whole.substr(0, whole.size() / 2)), "taken");
    std::string flipped = whole;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x10);
    EXPECT_NE(refusal(flipped), "taken");
}

class Unpack : public ::testing::Test {
  protected:
    Unpack() {
        char name[] = "/tmp/zkprov-tarball-XXXXXX";
        dir_ = ::mkdtemp(name);
        std::filesystem::create_directory(dir_ + "/to");
    }
    ~Unpack() override { std::filesystem::remove_all(dir_); }
    Result<Contents> run(const std::string& bytes, const Limits& limits = {}) {
        std::ofstream(dir_ + "/t.tar.gz", std::ios::binary) << bytes;
        return unpack(dir_ + "/t.tar.gz", dir_ + "/to", limits);
    }
    std::string read(const std::string& path) {
        std::ostringstream text;
        text << std::ifstream(dir_ + "/to/" + path).rdbuf();
        return text.str();
    }
    mode_t mode_of(const std::string& path) {
        struct stat status {};
        EXPECT_EQ(::lstat((dir_ + "/to/" + path).c_str(), &status), 0) << path;
        return status.st_mode;
    }
    std::string dir_;
};

TEST_F(Unpack, LeavesTheTopDirectoryOut) {
    auto items = release();
    items.push_back({kTop + "/bin/setuid", "x", AE_IFREG, 04755});
    const auto contents = run(tar(items));
    ASSERT_TRUE(contents.has_value()) << contents.error().message();
    EXPECT_EQ(contents->version, "3.8.4");
    EXPECT_EQ(read("bin/zkServer.sh"), "#!/bin/sh\n");
    EXPECT_EQ(read("lib/zookeeper-3.8.4.jar"), "jar");
    EXPECT_EQ(mode_of("bin/zkServer.sh"), S_IFREG | 0755U);
    EXPECT_EQ(mode_of("bin/setuid"), S_IFREG | 0755U);
    EXPECT_EQ(mode_of("lib/zookeeper-3.8.4.jar"), S_IFREG | 0644U);
    EXPECT_EQ(mode_of("lib"), S_IFDIR | 0755U);
}

TEST_F(Unpack, RefusesWhatCheckRefuses) {
    EXPECT_FALSE(run(with({kTop + "/../../escaped", "x"})).has_value());
    EXPECT_FALSE(std::filesystem::exists(dir_ + "/escaped"));
}

TEST_F(Unpack, FollowsNothingThatIsThere) {
    std::filesystem::create_directory(dir_ + "/elsewhere");
    std::filesystem::create_symlink(dir_ + "/elsewhere", dir_ + "/to/lib");
    EXPECT_FALSE(run(tar(release())).has_value());
    EXPECT_TRUE(std::filesystem::is_empty(dir_ + "/elsewhere"));
}

}  // namespace
}  // namespace zk::tarball
