#include "image/java_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ensemble/config_keys.h"

namespace zk::image {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

JavaFlags flags_of(std::string_view text) {
    JavaFlags flags;
    read_java_flags(text, "JVMFLAGS", flags);
    return flags;
}

/// "key=value" of the one property.
std::string property_of(std::string_view text) {
    const JavaFlags flags = flags_of(text);
    EXPECT_THAT(flags.warnings, IsEmpty()) << text;
    EXPECT_EQ(flags.properties.size(), 1U) << text;
    if (flags.properties.size() != 1) return "";
    return flags.properties[0].key + "=" + flags.properties[0].value;
}

std::string warning_of(std::string_view text) {
    const JavaFlags flags = flags_of(text);
    EXPECT_THAT(flags.properties, IsEmpty()) << text;
    EXPECT_EQ(flags.warnings.size(), 1U) << text;
    return flags.warnings.empty() ? "" : flags.warnings[0];
}

TEST(JavaFlags, PropertiesOfZookeeperAreKeysOfAFile) {
    EXPECT_EQ(property_of("-Dzookeeper.4lw.commands.whitelist=*"), "4lw.commands.whitelist=*");
    EXPECT_EQ(property_of("-Dzookeeper.snapCount=0x10"), "snapCount=0x10");
    EXPECT_EQ(property_of("-Dzookeeper.extendedTypesEnabled=true"), "extendedTypesEnabled=true");
    EXPECT_EQ(property_of("-Dzookeeper.db.autocreate=false"), "db.autocreate=false");
    EXPECT_EQ(property_of("-Dzookeeper.DigestAuthenticationProvider.superDigest=super:x=="),
              "DigestAuthenticationProvider.superDigest=super:x==");
    EXPECT_EQ(property_of("-Dzookeeper.skipACL"), "skipACL=");
    // One that switches on what is not here goes to the server as well, which refuses it.
    EXPECT_EQ(property_of("-Dzookeeper.ssl.keyStore.location=/k"), "ssl.keyStore.location=/k");
    EXPECT_EQ(property_of("-Dzookeeper.multiAddress.enabled=true"), "multiAddress.enabled=true");
}

TEST(JavaFlags, SomeHaveNoPrefix) {
    EXPECT_EQ(property_of("-Djute.maxbuffer=500000"), "jute.maxbuffer=500000");
    EXPECT_EQ(property_of("-Dreadonlymode.enabled=true"), "readonlymode.enabled=true");
    EXPECT_EQ(property_of("-Dznode.container.checkIntervalMs=1000"),
              "znode.container.checkIntervalMs=1000");
    EXPECT_EQ(warning_of("-Dzookeeper.jute.maxbuffer=1"),
              "JVMFLAGS: -Dzookeeper.jute.maxbuffer=1: the property is jute.maxbuffer; as written "
              "it has no effect");
    EXPECT_EQ(warning_of("-D4lw.commands.whitelist=*"),
              "JVMFLAGS: -D4lw.commands.whitelist=*: the property is "
              "zookeeper.4lw.commands.whitelist; as written it has no effect");
}

// -Dzookeeper.tickTime=5 changes nothing in Apache's server either.
TEST(JavaFlags, KeysOfTheParserAreNoProperties) {
    for (const ensemble::ConfigKey* key : ensemble::config_keys()) {
        if (key->source != "QuorumPeerConfig" || !key->prefix.empty()) continue;
        if (key->name == "multiAddress.enabled") continue;
        EXPECT_THAT(warning_of("-Dzookeeper." + std::string(key->name) + "=1"),
                    HasSubstr("a key of zoo.cfg and no property, in Apache's server neither"))
            << key->name;
    }
    EXPECT_THAT(warning_of("-Dzookeeper.server.1=a:1:2"),
                HasSubstr("into ZOO_CFG_EXTRA as server.1="));
    EXPECT_THAT(warning_of("-Dzookeeper.metricsProvider.httpPort=1"), HasSubstr("no property"));
}

TEST(JavaFlags, WhatIsTheJavaMachines) {
    EXPECT_EQ(warning_of("-Xmx1g\n-XX:+UseG1GC -javaagent:/a.jar=7070:/c.yaml -server"),
              "JVMFLAGS: -Xmx1g -XX:+UseG1GC -javaagent:/a.jar=7070:/c.yaml -server: for the Java "
              "machine, and there is none; it has no effect");
    EXPECT_THAT(warning_of("-Dcom.sun.management.jmxremote"), HasSubstr("of the Java machine"));
    EXPECT_THAT(warning_of("-Djava.net.preferIPv4Stack=true"), HasSubstr("of the Java machine"));
    EXPECT_THAT(warning_of("-Dlogback.configurationFile=/x"), HasSubstr("logs go to stderr"));
    EXPECT_THAT(warning_of("-Dzookeeper.log.dir=/x"), HasSubstr("logs go to stderr"));
    EXPECT_THAT(warning_of("-Dzookeeper.what.ever=1"), HasSubstr("no property of this server"));
    EXPECT_THAT(warning_of("-D"), HasSubstr("for the Java machine"));
    EXPECT_THAT(warning_of("-D=x"), HasSubstr("-D=x"));
}

TEST(JavaFlags, SecretsAreNotSaid) {
    const std::string warning = warning_of("-Dcom.example.password=swordfish");
    EXPECT_THAT(warning, HasSubstr("-Dcom.example.password=***"));
}

TEST(JavaFlags, TheLastOneCounts) {
    JavaFlags flags;
    read_java_flags("-Dzookeeper.snapCount=1 -Dzookeeper.preAllocSize=2", "SERVER_JVMFLAGS", flags);
    read_java_flags("-Dzookeeper.snapCount=3", "JVMFLAGS", flags);
    ASSERT_EQ(flags.properties.size(), 2U);
    EXPECT_EQ(flags.properties[0].key, "preAllocSize");
    EXPECT_EQ(flags.properties[1].value, "3");
}

// The shell splits $JVMFLAGS and takes no quotes away there.
TEST(JavaFlags, WordsEndAtBlanks) {
    EXPECT_THAT(words_of(" a\t\"b c\"\n"), ElementsAre("a", "\"b", "c\""));
    EXPECT_THAT(words_of(""), IsEmpty());
    EXPECT_THAT(words_of(" \n"), IsEmpty());
}

TEST(JavaFlags, Levels) {
    EXPECT_EQ(log4j_level("INFO,CONSOLE"), LogLevel::info);
    EXPECT_EQ(log4j_level("Trace"), LogLevel::trace);
    EXPECT_EQ(log4j_level("ALL"), LogLevel::trace);
    EXPECT_EQ(log4j_level("FATAL"), LogLevel::error);
    EXPECT_EQ(log4j_level("OFF,x"), LogLevel::off);
    EXPECT_EQ(log4j_level(""), std::nullopt);
    EXPECT_EQ(log4j_level("CONSOLE"), std::nullopt);
}

}  // namespace
}  // namespace zk::image
