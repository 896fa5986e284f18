// Plays a Jenkinsfile without a Jenkins: each block runs, each step is only told.
// Prints a line `stage NAME` for each stage and `sh BASE64` for each shell script.
import org.codehaus.groovy.control.CompilerConfiguration

abstract class Pipeline extends Script {
    /** What Declarative Pipeline and the steps in use know; any other name is a slip of the pen. */
    static final Set<String> KNOWN = ['pipeline', 'agent', 'label', 'parameters', 'string', 'options',
        'buildDiscarder', 'logRotator', 'disableConcurrentBuilds', 'timeout', 'timestamps', 'stages', 'stage',
        'steps', 'script', 'checkout', 'stash', 'unstash', 'sh', 'when', 'branch', 'post', 'always',
        'withCredentials', 'usernamePassword', 'gitUsernamePassword']
    static final Set<String> VALUES = ['none', 'scm', 'env', 'params']

    def methodMissing(String name, args) {
        if (!(name in KNOWN)) throw new IllegalArgumentException("a pipeline knows no `$name`")
        if (name == 'stage') System.out.println "stage ${args[0]}"
        if (name == 'sh') {
            def text = args[0] instanceof Map ? args[0].script : args[0]
            System.out.println "sh ${text.bytes.encodeBase64()}"
        }
        args.findAll { it instanceof Closure }.each { it.delegate = this; it() }
        name == 'sh' ? '' : [GIT_COMMIT: '']
    }

    def propertyMissing(String name) {
        if (!(name in VALUES)) throw new IllegalArgumentException("a pipeline knows no `$name`")
        [:]
    }
}

def settings = new CompilerConfiguration(scriptBaseClass: 'Pipeline')
new GroovyShell(this.class.classLoader, new Binding(), settings).evaluate(new File(args[0]))
