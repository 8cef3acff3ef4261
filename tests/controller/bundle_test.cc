#include "bundle/bundle.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/digest.h"

namespace zk::bundle {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A folder that goes away with the test. The host's own tar and sh are what unpacks and installs.
class Bundle : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "zkprov-bundle-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { fs::remove_all(folder_); }

    [[nodiscard]] std::string at(const std::string& name) const {
        return (folder_ / name).string();
    }
    void write(const std::string& name, const Bytes& content) const {
        std::ofstream(at(name), std::ios::binary) << content;
    }
    [[nodiscard]] Bytes read(const std::string& name) const {
        std::ostringstream content;
        content << std::ifstream(at(name), std::ios::binary).rdbuf();
        return content.str();
    }
    /// How `line` ended in the folder; what it said is in the file "said".
    [[nodiscard]] int shell(const std::string& line) const {
        const std::string whole = "cd '" + folder_.string() + "' && ( " + line + " ) >said 2>&1";
        return std::system(whole.c_str());  // NOLINT(cert-env33-c): the test's own words
    }
    void unpack(const Bytes& tar) const {
        write("b.tar", tar);
        ASSERT_EQ(shell("mkdir b && tar -xf b.tar -C b"), 0) << read("said");
    }

    fs::path folder_;
};

TEST_F(Bundle, EqualProgramsGiveEqualBytes) {
    const auto first = write_bundle("agent", "server");
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(*first, *write_bundle("agent", "server"));
    EXPECT_NE(*first, *write_bundle("agent", "Server"));
}

TEST_F(Bundle, TarKnowsItWithModesAndContents) {
    // Sizes at, below and above a block, and none.
    const std::vector<Member> members = {{"empty", 0644, ""},
                                         {"block", 0755, Bytes(512, 'b')},
                                         {"less", 0600, Bytes(511, 'l')},
                                         {std::string(100, 'n'), 0644, Bytes("\0x\n", 3)},
                                         {"more", 0755, Bytes(513, 'm')}};
    const auto tar = write_tar(members);
    ASSERT_TRUE(tar.has_value());
    EXPECT_EQ(tar->size() % 512, 0U);
    unpack(*tar);
    EXPECT_EQ(read("said"), "");  // GNU tar complains of wrong checksums and missing ends
    for (const Member& member : members) {
        EXPECT_EQ(read("b/" + member.name), member.content) << member.name;
        EXPECT_EQ(static_cast<std::uint32_t>(fs::status(at("b/" + member.name)).permissions()),
                  member.mode)
            << member.name;
    }
}

TEST_F(Bundle, RefusesNamesThatLeaveTheFolder) {
    for (const std::string& name : {std::string(),
                                    std::string("a/b"),
                                    std::string(".."),
                                    std::string("."),
                                    std::string(101, 'n'),
                                    std::string("a\0b", 3)}) {
        const auto tar = write_tar({{name, 0644, "x"}});
        ASSERT_FALSE(tar.has_value()) << name;
        EXPECT_EQ(tar.error().code, make_error_code(Errc::invalid));
    }
}

TEST_F(Bundle, InstallsTwice) {
    unpack(*write_bundle("agent", "server"));
    ASSERT_EQ(shell("sh b/install.sh \"$PWD/to\""), 0) << read("said");
    EXPECT_EQ(read("to/zkprov-agent"), "agent");
    EXPECT_EQ(read("to/zkserver"), "server");
    EXPECT_EQ(static_cast<int>(fs::status(at("to/zkserver")).permissions()), 0755);
    const auto when = fs::last_write_time(at("to/zkserver"));
    ASSERT_EQ(shell("sh b/install.sh \"$PWD/to\""), 0) << read("said");
    EXPECT_EQ(fs::last_write_time(at("to/zkserver")), when);
    // What a run left that was cut off is in nobody's way, and a program that was changed comes back.
    write("to/.zkserver.new", "half");
    write("to/zkserver", "other");
    ASSERT_EQ(shell("sh b/install.sh \"$PWD/to\""), 0) << read("said");
    EXPECT_EQ(read("to/zkserver"), "server");
    EXPECT_FALSE(fs::exists(at("to/.zkserver.new")));
}

TEST_F(Bundle, InstallsNothingWhereAChecksumDoesNotFit) {
    unpack(*write_bundle("agent", "server"));
    write("b/zkserver", "evil");
    EXPECT_NE(shell("sh b/install.sh \"$PWD/to\""), 0);
    EXPECT_THAT(read("said"), HasSubstr("nothing was installed"));
    EXPECT_FALSE(fs::exists(at("to")));
    // A program that no checksum speaks of is no better.
    write("b/SHA256SUMS", agent_api::sha256_hex("agent") + "  zkprov-agent\n");
    EXPECT_NE(shell("sh b/install.sh \"$PWD/to\""), 0);
    EXPECT_THAT(read("said"), HasSubstr("does not name zkserver"));
    fs::remove(at("b/SHA256SUMS"));
    EXPECT_NE(shell("sh b/install.sh \"$PWD/to\""), 0);
    EXPECT_FALSE(fs::exists(at("to")));
}

}  // namespace
}  // namespace zk::bundle
